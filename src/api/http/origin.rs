//! Which pages may open a socket. Browsers send no preflight for one, and
//! CORS does not hold them back.

use axum::http::{HeaderMap, header};

use crate::config::Origin;

/// Whether the request comes from a page of ours, from an allowed one, or
/// from no page at all.
pub(super) fn may_connect(headers: &HeaderMap, allowed: &[Origin]) -> bool {
    let Some(origin) = headers.get(Origin::HEADER) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    // A proxy may speak TLS for us: only host and port can be compared.
    let page = origin.split_once("://").map(|(_, host)| host);
    let ours = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let same = matches!((page, ours), (Some(page), Some(ours)) if page.eq_ignore_ascii_case(ours));
    same || allowed.iter().any(|allowed| allowed.as_str() == origin)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn pages_of_others_are_kept_out() {
        let allowed = ["https://web.example".parse().expect("an origin")];
        for (origin, expected) in [
            ("http://chat.example:8080", true),
            ("https://chat.example:8080", true),
            ("https://web.example", true),
            ("https://chat.example", false),
            ("https://evil.example", false),
            ("https://web.example.evil.example", false),
            ("null", false),
        ] {
            let headers = HeaderMap::from_iter([
                (header::HOST, HeaderValue::from_static("chat.example:8080")),
                (Origin::HEADER, HeaderValue::from_static(origin)),
            ]);
            assert_eq!(may_connect(&headers, &allowed), expected, "{origin}");
        }
        assert!(may_connect(&HeaderMap::new(), &allowed));
    }
}
