//! Which media types are read and written: GraphQL over HTTP, sections
//! "Request" and "Response".

use std::cmp::Reverse;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use mediatype::{MediaType as Range, MediaTypeList, Name, ReadParams, names};

use crate::api::codes::Code;

const GRAPHQL_RESPONSE: Range<'_> = Range::from_parts(
    names::APPLICATION,
    Name::new_unchecked("graphql-response"),
    Some(names::JSON),
    &[],
);
const JSON: Range<'_> = Range::new(names::APPLICATION, names::JSON);
const ANY_APPLICATION: Range<'_> = Range::new(names::APPLICATION, names::_STAR);
const ANY: Range<'_> = Range::new(names::_STAR, names::_STAR);
const EVENTS: Range<'_> = Range::new(names::TEXT, names::EVENT_STREAM);
const PARTS: Range<'_> = Range::new(names::MULTIPART, names::MIXED);
const HTML: Range<'_> = Range::new(names::TEXT, names::HTML);
const SUBSCRIPTION_SPEC: Name<'_> = Name::new_unchecked("subscriptionSpec");

/// What a request may be answered in: of each kind the best of those that
/// are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Accepted {
    /// In one piece.
    Whole(MediaType),
    /// As a stream of results; only who names one gets it.
    Stream(StreamType),
    /// In one piece, or as a stream where there may be several results.
    Either(MediaType, StreamType),
}

impl Accepted {
    /// Nothing where none is ours.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        if !headers.contains_key(header::ACCEPT) {
            return Some(Self::Whole(MediaType::GraphqlResponse));
        }
        let media = best(headers, &[MediaType::Json, MediaType::GraphqlResponse], MediaType::named);
        let stream = best(headers, &[StreamType::Events, StreamType::Parts], StreamType::named);
        match (media, stream) {
            (Some(media), None) => Some(Self::Whole(media)),
            (None, Some(stream)) => Some(Self::Stream(stream)),
            (Some(media), Some(stream)) => Some(Self::Either(media, stream)),
            (None, None) => None,
        }
    }
}

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
    /// How exactly the range names it.
    fn named(self, range: &Range<'_>) -> Option<Exactness> {
        let own = match self {
            Self::GraphqlResponse => GRAPHQL_RESPONSE,
            Self::Json => JSON,
        };
        let essence = range.essence();
        [(own, Exactness::Itself), (ANY_APPLICATION, Exactness::Kind), (ANY, Exactness::Any)]
            .into_iter()
            .find_map(|(named, exactness)| (essence == named).then_some(exactness))
    }

    /// The value of `Content-Type`.
    pub(super) fn header(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
        })
    }

    /// The status of an answer without data, where `code` tells why.
    pub(super) fn request_error(self, code: Option<Code>) -> StatusCode {
        let refused = || code?.row().http.map(StatusCode::from_u16)?.ok();
        match self {
            Self::GraphqlResponse => refused().unwrap_or(StatusCode::BAD_REQUEST),
            Self::Json => StatusCode::OK,
        }
    }
}

/// A media type of streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StreamType {
    /// `text/event-stream`: Server-Sent Events.
    Events,
    /// `multipart/mixed;subscriptionSpec=1.0`: parts as clients of Apollo read them.
    Parts,
}

impl StreamType {
    fn named(self, range: &Range<'_>) -> Option<Exactness> {
        let named = match self {
            Self::Events => range.essence() == EVENTS,
            // Without the parameter it is about answers in several pieces.
            Self::Parts => {
                let specification = range.get_param(SUBSCRIPTION_SPEC);
                range.essence() == PARTS
                    && specification.is_some_and(|version| version.unquoted_str() == "1.0")
            }
        };
        named.then_some(Exactness::Itself)
    }
}

/// Whether a browser asks for a page.
pub(super) fn wants_page(headers: &HeaderMap) -> bool {
    ranges(headers).any(|range| range.essence() == HTML && weight(&range) > 0.0)
}

/// Whether the body is JSON in UTF-8. Any other type is refused, also because
/// browsers send some of them across origins without asking.
pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok())
    else {
        return false;
    };
    Range::parse(value).is_ok_and(|json| {
        let charset = json.get_param(names::CHARSET);
        json.essence() == JSON && charset.is_none_or(|charset| is_utf8(&charset.unquoted_str()))
    })
}

fn is_utf8(charset: &str) -> bool {
    charset.eq_ignore_ascii_case("utf-8") || charset.eq_ignore_ascii_case("utf8")
}

/// From 0 to 1, and 0 for what is none.
fn weight(range: &Range<'_>) -> f32 {
    let Some(given) = range.get_param(names::Q) else { return 1.0 };
    let weight = given.as_str().parse().ok();
    weight.filter(|weight| (0.0..=1.0).contains(weight)).unwrap_or(0.0)
}

/// The media ranges of `Accept` (RFC 9110, section 12.5.1).
fn ranges(headers: &HeaderMap) -> impl Iterator<Item = Range<'_>> {
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(MediaTypeList::new).filter_map(Result::ok)
}

/// How exactly a range names a type: what is more exact says its weight.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Exactness {
    Any,
    Kind,
    Itself,
}

/// The candidate of the most weight; of equals the one that is named most exactly, then the first
/// that is named, then the first.
fn best<T: Copy>(
    headers: &HeaderMap,
    candidates: &[T],
    named: impl Fn(T, &Range<'_>) -> Option<Exactness>,
) -> Option<T> {
    let accepted = candidates.iter().filter_map(|candidate| {
        let ranges = ranges(headers).enumerate();
        let naming = ranges.filter_map(|(at, range)| {
            Some((named(*candidate, &range)?, Reverse(at), weight(&range)))
        });
        let (exactness, at, weight) = naming.max_by_key(|(exactness, at, _)| (*exactness, *at))?;
        (weight > 0.0).then_some((weight, exactness, at, *candidate))
    });
    let best = accepted.reduce(|best, other| {
        let (one, two) = ((best.0, best.1, best.2), (other.0, other.1, other.2));
        if two > one { other } else { best }
    });
    best.map(|(.., candidate)| candidate)
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
        use StreamType::{Events, Parts};

        let accepted = |accept| Accepted::of(&headers(header::ACCEPT, accept));
        assert_eq!(Accepted::of(&HeaderMap::new()), Some(Accepted::Whole(GraphqlResponse)));
        for (accept, expected) in [
            ("application/graphql-response+json", GraphqlResponse),
            ("application/json", Json),
            ("application/graphql-response+json, application/json;q=0.9", GraphqlResponse),
            ("application/graphql-response+json;q=0.5, application/json", Json),
            ("application/graphql-response+json; charset=utf-8, */*", GraphqlResponse),
            ("Application/JSON", Json),
            // Who takes anything may not know the newer type.
            ("*/*", Json),
            ("*/*, application/graphql-response+json", GraphqlResponse),
            ("application/json;q=0, */*", GraphqlResponse),
            ("*/*;q=0.9, application/json;q=0.1", GraphqlResponse),
            ("application/graphql-response+json;q=0, application/*", Json),
            ("text/html, application/*;q=0.1", Json),
            ("multipart/mixed;deferSpec=20220824,application/json", Json),
            ("text/plain;note=\"a, application/graphql-response+json;b\", */*", Json),
            ("application/json;note=\"\\\";q=0\", */*;q=0.1", Json),
            (" , application/json ; charset=utf-8 ,, nonsense", Json),
            ("multipart/mixed;subscriptionSpec=2.0, text/event-stream;q=0, */*", Json),
        ] {
            assert_eq!(accepted(accept), Some(Accepted::Whole(expected)), "{accept}");
        }
        for accept in [
            "",
            "text/html",
            "application/json;q=0",
            "*/*;q=0",
            "*/*;q=2",
            "multipart/mixed",
            "text/*",
        ] {
            assert_eq!(accepted(accept), None, "{accept}");
        }
        for (accept, expected) in [
            ("text/event-stream", Accepted::Stream(Events)),
            ("multipart/mixed;boundary=graphql;subscriptionspec=1.0", Accepted::Stream(Parts)),
            (
                "multipart/mixed; subscriptionSpec=1.0; q=0.5, text/event-stream",
                Accepted::Stream(Events),
            ),
            (
                "multipart/mixed;subscriptionSpec=\"1.0\", application/json",
                Accepted::Either(Json, Parts),
            ),
            ("*/*, text/event-stream, multipart/mixed", Accepted::Either(Json, Events)),
        ] {
            assert_eq!(accepted(accept), Some(expected), "{accept}");
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
            ("application/json; charset", false),
            ("application/json, text/plain", false),
            ("application/json ;", true),
            ("text/plain", false),
            ("application/x-www-form-urlencoded", false),
            ("multipart/form-data; boundary=x", false),
            ("application/jsonp", false),
        ] {
            assert_eq!(is_json(&headers(header::CONTENT_TYPE, value)), expected, "{value}");
        }
    }
}
