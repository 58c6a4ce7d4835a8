//! The login in a server's URL.

use std::str::Utf8Error;

use percent_encoding::percent_decode_str;
use url::Url;

/// The user and the password that a URL names, decoded (RFC 3986, section
/// 3.2.1); `None` where it names neither.
///
/// # Errors
///
/// Where one of them is not UTF-8.
pub(crate) fn of_url(url: &Url) -> Result<Option<(String, Option<String>)>, Utf8Error> {
    let decoded = |part| percent_decode_str(part).decode_utf8().map(String::from);
    match (url.username(), url.password()) {
        ("", None) => Ok(None),
        (user, password) => Ok(Some((decoded(user)?, password.map(decoded).transpose()?))),
    }
}
