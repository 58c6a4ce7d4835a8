//! Who is a member shows neither in an answer nor in the work behind it.

use std::collections::HashMap;

use metrics_exporter_prometheus::PrometheusBuilder;

use super::*;

/// How many passwords were hashed, and how often each statement was run,
/// while this went on. All that is counted happens on this thread.
async fn work<T>(what: impl Future<Output = T>) -> (T, Vec<String>) {
    let recorder = PrometheusBuilder::new().build_recorder();
    let counted = recorder.handle();
    let local = metrics::set_default_local_recorder(&recorder);
    let outcome = what.await;
    drop(local);
    let is_count = |line: &&str| {
        line.starts_with("chatterbox_password_hash_duration_seconds_count")
            || line.starts_with("chatterbox_sql_statement_duration_seconds_count")
    };
    let mut lines: Vec<String> =
        counted.render().lines().filter(is_count).map(ToOwned::to_owned).collect();
    lines.sort();
    (outcome, lines)
}

/// Fails unless all of them are refused alike, with the same work.
fn assert_alike<T>(outcomes: Vec<(Result<T>, Vec<String>)>) {
    let told: Vec<_> = outcomes
        .into_iter()
        .map(|(outcome, work)| (outcome.map(|_| "done").map_err(|error| error.to_string()), work))
        .collect();
    assert!(!told[0].1.is_empty());
    assert!(told.iter().all(|one| *one == told[0]), "{told:#?}");
}

/// Ada, who is confirmed, and unconfirmed Grace.
async fn ada_and_grace() -> Rig {
    let rig = Rig::new(true).await;
    rig.register().await;
    rig.accounts.verify_email(ADA, &rig.code().await, None, client()).await.unwrap();
    rig.accounts.register("grace", "grace@example.org", PASSWORD, None, client()).await.unwrap();
    rig
}

#[tokio::test]
async fn whether_a_login_is_known_shows_in_no_work() {
    let rig = ada_and_grace().await;
    for logins in [["ada", "grace", "nobody"], [ADA, "grace@example.org", "nobody@example.org"]] {
        let mut outcomes = Vec::new();
        for login in logins {
            let sign_in = rig.accounts.sign_in(login, "wrong password", None, client());
            outcomes.push(work(sign_in).await);
        }
        assert_alike(outcomes);
    }
}

#[tokio::test]
async fn whether_an_address_is_known_shows_in_no_work() {
    let rig = ada_and_grace().await;
    rig.accounts.request_password_reset(ADA).await.unwrap();
    rig.accounts.request_password_reset("grace@example.org").await.unwrap();
    rig.mails().await;
    let addresses = [ADA, "grace@example.org", "nobody@example.org"];
    let (mut verified, mut reset, mut resent, mut requested) = (vec![], vec![], vec![], vec![]);
    for address in addresses {
        let accounts = &rig.accounts;
        verified.push(work(accounts.verify_email(address, "none", None, client())).await);
        reset.push(work(accounts.reset_password(address, "none", PASSWORD, client())).await);
        resent.push(work(accounts.resend_verification(address)).await);
        // What goes on behind an answer does not count.
        rig.mails().await;
        requested.push(work(accounts.request_password_reset(address)).await);
        rig.mails().await;
    }
    assert_alike(verified);
    assert_alike(reset);
    assert_alike(resent);
    assert_alike(requested);
}

#[tokio::test]
async fn registering_with_a_taken_address_is_no_other_work() {
    let rig = ada_and_grace().await;
    rig.mails().await;
    let mut outcomes = Vec::new();
    for (name, email) in
        [("one", ADA), ("two", "grace@example.org"), ("three", "new@example.org"), ("four", ADA)]
    {
        outcomes.push(work(rig.accounts.register(name, email, PASSWORD, None, client())).await);
    }
    assert_alike(outcomes);
    let to: Vec<(String, String)> =
        rig.mails().await.into_iter().map(|mail| (mail.to, mail.subject)).collect();
    let told = |to: &str| (to.to_owned(), "You have an account already".to_owned());
    let confirm = |to: &str| (to.to_owned(), "Confirm your e-mail address".to_owned());
    let (grace, new) = (confirm("grace@example.org"), confirm("new@example.org"));
    assert_eq!(to, [told(ADA), grace, new, told(ADA)]);
}

#[tokio::test]
async fn whether_a_new_address_is_known_shows_in_no_work() {
    let rig = ada_and_grace().await;
    let ada = rig.sign_in().await;
    rig.mails().await;
    let (mut asked, mut confirmed) = (Vec::new(), Vec::new());
    for email in ["new@example.org", "grace@example.org", "other@example.org"] {
        asked.push(work(rig.accounts.change_email(ada.viewer, email, PASSWORD)).await);
        let confirm = rig.accounts.confirm_email_change(ada.viewer, "none", client());
        confirmed.push(work(confirm).await);
    }
    assert_alike(asked);
    assert_alike(confirmed);
    let mailed: Vec<String> = rig.mails().await.into_iter().map(|mail| mail.to).collect();
    assert_eq!(mailed, ["new@example.org", "grace@example.org", "other@example.org"]);
}

#[tokio::test]
async fn who_registers_in_vain_gets_no_further() {
    let rig = ada_and_grace().await;
    let sign_in = |login: &'static str, password: &'static str| {
        rig.accounts.sign_in(login, password, None, client())
    };
    let unverified =
        |outcome: Result<Authentication>| matches!(outcome, Err(Error::EmailNotVerified));
    for (name, email) in [("mallory", ADA), ("malice", "grace@example.org")] {
        rig.pass(1_000);
        rig.accounts.register(name, email, "of mallory", None, client()).await.unwrap();
        assert!(unverified(sign_in(name, "of mallory").await));
    }
    // As for somebody whose address was nobody's: the newest is told so.
    assert!(unverified(sign_in(ADA, "of mallory").await));
    assert!(unverified(sign_in("grace@example.org", "of mallory").await));
    assert!(wrong(sign_in(ADA, "wrong password").await));
    assert!(unverified(sign_in("grace", PASSWORD).await));
    assert!(rig.lives(&sign_in(ADA, PASSWORD).await.unwrap()));

    // The owners get their accounts, whatever else wants their addresses.
    rig.mails().await;
    rig.accounts.request_password_reset("grace@example.org").await.unwrap();
    let mail = rig.mails().await.remove(0);
    let (grace, code) = ("grace@example.org", code_for("grace", &mail));
    let signed_in = rig.accounts.reset_password(grace, &code, "of grace", client()).await.unwrap();
    let info = rig.accounts.account(signed_in.viewer.user).await.unwrap().unwrap();
    assert_eq!(info, AccountInfo { email: grace.to_owned(), email_verified: true });
    assert!(rig.accounts.sign_in("grace", "of grace", None, client()).await.is_ok());
    assert!(unverified(sign_in("malice", "of mallory").await));

    // Nor where confirmation is no longer asked for.
    let open = rig.node(false);
    assert!(unverified(open.sign_in("mallory", "of mallory", None, client()).await));
    assert!(wrong(open.sign_in(ADA, "of mallory", None, client()).await));
}

/// Whoever registered first or last with the address of somebody else is not who gets it.
#[tokio::test]
async fn a_code_confirms_the_account_that_it_names() {
    for first in ["mallory", "victim"] {
        let rig = Rig::new(true).await;
        let mut codes = HashMap::new();
        for name in if first == "mallory" { ["mallory", "victim"] } else { ["victim", "mallory"] } {
            let password = format!("password of {name}");
            rig.pass(1_000);
            rig.accounts.register(name, ADA, &password, None, client()).await.unwrap();
            let mail = rig.mails().await.remove(0);
            assert_eq!(mail.subject, "Confirm your e-mail address");
            codes.insert(name, code_for(name, &mail));
        }
        if first == "victim" {
            rig.accounts.resend_verification(ADA).await.unwrap();
            let mail = rig.mails().await.remove(0);
            codes = ["mallory", "victim"].map(|name| (name, code_for(name, &mail))).into();
        }
        let accounts = &rig.accounts;
        let confirmed = accounts.verify_email(ADA, &codes["victim"], None, client()).await.unwrap();
        let signed_in = accounts.sign_in("victim", "password of victim", None, client()).await;
        assert_eq!(signed_in.unwrap().viewer.user, confirmed.viewer.user);
        assert!(accounts.sign_in(ADA, "password of victim", None, client()).await.is_ok());
        // The other one has nothing of it.
        assert!(wrong(accounts.verify_email(ADA, &codes["mallory"], None, client()).await));
        let refused = accounts.sign_in("mallory", "password of mallory", None, client()).await;
        assert!(matches!(refused, Err(Error::EmailNotVerified)));
        rig.mails().await;
        accounts.resend_verification(ADA).await.unwrap();
        assert!(rig.mails().await.is_empty());
        accounts.request_password_reset(ADA).await.unwrap();
        let mail = rig.mails().await.remove(0);
        let new = "another one";
        let reset = accounts.reset_password(ADA, &code_for("victim", &mail), new, client()).await;
        assert_eq!(reset.unwrap().viewer.user, confirmed.viewer.user);
    }
}

/// The code in the mail that is for the account of this name.
fn code_for(name: &str, mail: &Mail) -> String {
    let named = format!("\u{201c}{name}\u{201d}:");
    let mut lines = mail.text.lines().skip_while(|line| !line.ends_with(&named));
    lines.find(|line| line.len() == 6 && line.bytes().all(|b| b.is_ascii_digit())).unwrap().into()
}
