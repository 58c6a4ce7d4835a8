//! Signing in and registering by lines.

use std::io::{self, IsTerminal};

use super::{
    error::{Error, Result},
    plain::print,
    session::{Door, Session},
};
use crate::cli::Chat;

/// Signs in or registers; asks for what is missing.
pub(super) async fn enter(
    door: &Door,
    options: &Chat,
    password: Option<String>,
) -> Result<Session> {
    let login = match &options.login {
        Some(login) => login.clone(),
        None if io::stdin().is_terminal() => ask("username or e-mail address")?,
        None => return Err(Error::Unknown("nobody is signed in: say who with --login")),
    };
    let email = match &options.email {
        None if options.register => Some(ask("e-mail address")?),
        email => email.clone(),
    };
    let password = password.map_or_else(secret, Ok)?;
    if let Some(email) = &email {
        door.register(&login, email, &password).await?;
    }
    match door.sign_in(&login, &password).await {
        Err(error) if error.is("EMAIL_NOT_VERIFIED") => {
            let email = match email {
                Some(email) => email,
                None if login.contains('@') => login,
                None => ask("e-mail address")?,
            };
            door.verify(&email, &ask("the code from the e-mail")?).await
        }
        other => other,
    }
}

fn ask(what: &str) -> Result<String> {
    print(&[format!("enter: {what}")])?;
    Ok(line()?.trim().to_owned())
}

fn line() -> Result<String> {
    let mut line = String::new();
    if io::stdin().read_line(&mut line)? == 0 {
        return Err(Error::Unknown("the input has ended"));
    }
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// Without echo, where somebody could look.
fn secret() -> Result<String> {
    print(&["enter: the password".to_owned()])?;
    if io::stdin().is_terminal() { Ok(rpassword::read_password()?) } else { line() }
}
