//! What is there to be read: the playground, the schema's text, the public keys.

use std::sync::{Arc, LazyLock};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use sha2::{Digest, Sha256};

use super::{HttpParts, request::refusal};

/// The playground needs its own files and the API, and nothing from elsewhere,
/// nor anything of the machine that it is shown on.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";
const PERMISSIONS: &str = "camera=(), display-capture=(), geolocation=(), \
    microphone=(), midi=(), payment=(), serial=(), usb=()";

/// A file of the playground.
struct File {
    path: &'static str,
    kind: &'static str,
    gzip: bool,
    bytes: &'static [u8],
}

static FILES: [File; 5] = [
    File {
        path: "/playground",
        kind: "text/html; charset=utf-8",
        gzip: false,
        bytes: include_bytes!("playground/index.html"),
    },
    File {
        path: "/playground/icon.svg",
        kind: "image/svg+xml",
        gzip: false,
        bytes: include_bytes!("playground/icon.svg"),
    },
    File {
        path: "/playground/playground.js",
        kind: "text/javascript; charset=utf-8",
        gzip: true,
        bytes: include_bytes!("playground/playground.js.gz"),
    },
    File {
        path: "/playground/playground.css",
        kind: "text/css; charset=utf-8",
        gzip: true,
        bytes: include_bytes!("playground/playground.css.gz"),
    },
    File {
        path: "/playground/licences.txt",
        kind: "text/plain; charset=utf-8",
        gzip: true,
        bytes: include_bytes!("playground/licences.txt.gz"),
    },
];

/// The hashes of the files: they only change with the binary.
static TAGS: LazyLock<[String; FILES.len()]> = LazyLock::new(|| {
    std::array::from_fn(|index| {
        let hash = Sha256::digest(FILES[index].bytes);
        let digits: String = hash[..16].iter().map(|byte| format!("{byte:02x}")).collect();
        format!("\"{digits}\"")
    })
});

/// The playground, and the way there.
pub(super) fn playground<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let there = || async { Redirect::to("/playground") };
    let router = Router::new().route("/", get(there)).route("/playground/", get(there));
    FILES.iter().enumerate().fold(router, |router, (index, file)| {
        let serve = move |headers: HeaderMap| async move { file.serve(&TAGS[index], &headers) };
        router.route(file.path, get(serve))
    })
}

impl File {
    fn serve(&self, tag: &'static str, headers: &HeaderMap) -> Response {
        if self.gzip && !takes_gzip(headers) {
            let message = "this file is only served with content-encoding gzip";
            return refusal(StatusCode::NOT_ACCEPTABLE, message);
        }
        let asked = headers.get_all(header::IF_NONE_MATCH).iter();
        let known = asked.filter_map(|value| value.to_str().ok()).any(|value| value.contains(tag));
        let mut response = if known {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            ([(header::CONTENT_TYPE, self.kind)], self.bytes).into_response()
        };
        let headers = response.headers_mut();
        if self.gzip && !known {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        headers.insert(header::ETAG, HeaderValue::from_static(tag));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
        for (name, value) in
            [("permissions-policy", PERMISSIONS), ("cross-origin-opener-policy", "same-origin")]
        {
            headers.insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

/// RFC 9110, section 12.5.3: who does not say takes anything.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::ACCEPT_ENCODING) else { return true };
    value.to_str().unwrap_or_default().split(',').any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let refused =
            matches!(weight.trim().strip_prefix("q="), Some("0" | "0.0" | "0.00" | "0.000"));
        matches!(name.trim(), "gzip" | "x-gzip" | "*") && !refused
    })
}

/// `/schema.graphql`.
pub(super) async fn schema<E>(State(parts): State<Arc<HttpParts<E>>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], parts.sdl.to_string())
}

/// `/.well-known/jwks.json`.
pub(super) async fn keys<E>(State(parts): State<Arc<HttpParts<E>>>) -> impl IntoResponse {
    ([(header::CACHE_CONTROL, "public, max-age=300")], Json((parts.keys)()))
}
