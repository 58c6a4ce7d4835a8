//! Which media types are read and written: GraphQL over HTTP, sections
//! "Request" and "Response".

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};

/// A media type of answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MediaType {
    /// `application/graphql-response+json`: the status tells whether the
    /// operation was executed.
    GraphqlResponse,
    /// `application/json`, the older one: an answer to a well-formed request
    /// is always 200.
    Json,
}

impl MediaType {
    /// The type to answer with: the best of those accepted, the first of
    /// equals. Nothing where none is ours.
    pub(super) fn accepted(headers: &HeaderMap) -> Option<Self> {
        if !headers.contains_key(header::ACCEPT) {
            return Some(Self::GraphqlResponse);
        }
        let mut best: Option<(f32, Self)> = None;
        for (name, quality) in ranges(headers) {
            let candidate = match name.as_str() {
                "application/graphql-response+json" => Self::GraphqlResponse,
                // Who takes anything may not know the newer type.
                "application/json" | "application/*" | "*/*" => Self::Json,
                _ => continue,
            };
            if quality > 0.0 && best.is_none_or(|(other, _)| quality > other) {
                best = Some((quality, candidate));
            }
        }
        best.map(|(_, media)| media)
    }

    /// The value of `Content-Type`.
    pub(super) fn header(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
        })
    }

    /// The status of a request whose operation was not executed.
    pub(super) fn request_error(self) -> StatusCode {
        match self {
            Self::GraphqlResponse => StatusCode::BAD_REQUEST,
            Self::Json => StatusCode::OK,
        }
    }
}

/// Whether a browser asks for a page.
pub(super) fn wants_page(headers: &HeaderMap) -> bool {
    ranges(headers).any(|(name, _)| name == "text/html")
}

/// Whether the body is JSON in UTF-8. Any other type is refused, also because
/// browsers send some of them across origins without asking.
pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok())
    else {
        return false;
    };
    let mut fields = value.split(';').map(str::trim);
    let json = fields.next().is_some_and(|name| name.eq_ignore_ascii_case("application/json"));
    json && fields.all(|parameter| match parameter.split_once('=') {
        Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
            let value = value.trim().trim_matches('"');
            value.eq_ignore_ascii_case("utf-8") || value.eq_ignore_ascii_case("utf8")
        }
        _ => true,
    })
}

/// The media ranges of `Accept` with their weights (RFC 9110, section 12.5.1).
fn ranges(headers: &HeaderMap) -> impl Iterator<Item = (String, f32)> {
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(|range| {
        let mut fields = range.split(';').map(str::trim);
        let name = fields.next().unwrap_or_default().to_ascii_lowercase();
        let weight = fields.find_map(|field| field.strip_prefix("q=").or(field.strip_prefix("Q=")));
        (name, weight.map_or(1.0, |weight| weight.parse().unwrap_or(0.0)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: header::HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn the_best_of_the_accepted_types_is_taken() {
        use MediaType::{GraphqlResponse, Json};

        assert_eq!(MediaType::accepted(&HeaderMap::new()), Some(GraphqlResponse));
        for (accept, expected) in [
            ("application/graphql-response+json", Some(GraphqlResponse)),
            ("application/json", Some(Json)),
            ("application/graphql-response+json, application/json;q=0.9", Some(GraphqlResponse)),
            ("application/graphql-response+json;q=0.5, application/json", Some(Json)),
            ("application/graphql-response+json; charset=utf-8, */*", Some(GraphqlResponse)),
            ("Application/JSON", Some(Json)),
            ("*/*", Some(Json)),
            ("text/html, application/*;q=0.1", Some(Json)),
            ("text/html", None),
            ("application/json;q=0", None),
        ] {
            assert_eq!(MediaType::accepted(&headers(header::ACCEPT, accept)), expected, "{accept}");
        }
    }

    #[test]
    fn only_json_is_read() {
        assert!(!is_json(&HeaderMap::new()));
        for (value, expected) in [
            ("application/json", true),
            ("Application/Json; charset=UTF-8", true),
            ("application/json;charset=\"utf-8\"", true),
            ("application/json; charset=latin1", false),
            ("text/plain", false),
            ("application/x-www-form-urlencoded", false),
            ("multipart/form-data; boundary=x", false),
            ("application/jsonp", false),
        ] {
            assert_eq!(is_json(&headers(header::CONTENT_TYPE, value)), expected, "{value}");
        }
    }
}
