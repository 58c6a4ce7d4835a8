//! Trace ids, which find a request in the logs, in answers and in traces.

use std::fmt;

use opentelemetry::{
    Context,
    trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceState},
};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::ambient::Ambient;

/// Finds one request, or one operation on a socket: 32 lower-case hexadecimal
/// digits, not all zero (W3C Trace Context, section 3.2.2.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceId(pub String);

impl TraceId {
    /// A new one.
    #[must_use]
    pub fn new(ambient: &Ambient) -> Self {
        Self(format!("{:032x}", u128::from_be_bytes(ambient.bytes()).max(1)))
    }

    /// Begins a trace with `span`, which goes on with that of the caller where
    /// there is one. The span has not been entered yet.
    #[must_use]
    pub fn begin(span: &Span, caller: Option<&Traceparent>, ambient: &Ambient) -> Self {
        let parent = caller.map_or_else(Context::new, Traceparent::context);
        if span.set_parent(parent).is_ok() {
            let exported = span.context().span().span_context().trace_id();
            if exported != opentelemetry::TraceId::INVALID {
                return Self(exported.to_string());
            }
        }
        caller.map_or_else(|| Self::new(ambient), |caller| caller.trace.clone())
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a caller is in a trace of its own: the header `traceparent`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traceparent {
    /// Its trace.
    pub trace: TraceId,
    /// Its span, 16 digits, not all zero.
    span: String,
    /// Whether it records its trace.
    sampled: bool,
}

impl Traceparent {
    /// Reads the header; nothing where it is malformed, as section 4.3 asks.
    #[must_use]
    pub fn parse(header: &str) -> Option<Self> {
        let mut fields = header.split('-');
        let version = hex(fields.next()?, 2)?;
        let trace = hex(fields.next()?, 32)?;
        let span = hex(fields.next()?, 16)?;
        let flags = u8::from_str_radix(hex(fields.next()?, 2)?, 16).ok()?;
        let known = version != "ff" && (version != "00" || fields.next().is_none());
        let zero = |text: &str| text.bytes().all(|digit| digit == b'0');
        (known && !zero(trace) && !zero(span)).then(|| Self {
            trace: TraceId(trace.to_owned()),
            span: span.to_owned(),
            sampled: flags & 1 == 1,
        })
    }

    fn context(&self) -> Context {
        let trace = opentelemetry::TraceId::from_hex(&self.trace.0);
        let span = SpanId::from_hex(&self.span);
        let (Ok(trace), Ok(span)) = (trace, span) else { return Context::new() };
        let flags = TraceFlags::default().with_sampled(self.sampled);
        let remote = SpanContext::new(trace, span, flags, true, TraceState::default());
        Context::new().with_remote_span_context(remote)
    }
}

fn hex(text: &str, length: usize) -> Option<&str> {
    let digits = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    (digits && text.len() == length).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ambient::{Random, SystemClock};

    #[test]
    fn a_caller_is_known_by_a_valid_header_only() {
        let (id, span) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
        for (header, sampled) in [
            (format!("00-{id}-{span}-01"), true),
            (format!("00-{id}-{span}-00"), false),
            (format!("01-{id}-{span}-03-more"), true),
        ] {
            let (trace, span) = (TraceId(id.to_owned()), span.to_owned());
            let caller = Traceparent { trace, span, sampled };
            assert_eq!(Traceparent::parse(&header), Some(caller), "{header}");
        }
        for header in [
            String::new(),
            format!("ff-{id}-{span}-01"),
            format!("00-{id}-{span}-01-more"),
            format!("00-{id}-{span}"),
            format!("00-{id}-0000000000000000-01"),
            format!("00-{}-{span}-01", "0".repeat(32)),
            format!("00-{}-{span}-01", id.to_uppercase()),
            format!("00-{}-{span}-01", &id[1..]),
        ] {
            assert_eq!(Traceparent::parse(&header), None, "{header}");
        }
    }

    #[test]
    fn a_trace_that_nobody_exports_has_the_callers_id_or_a_new_one() {
        let ambient = Ambient::system();
        let caller =
            Traceparent::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").unwrap();
        assert_eq!(TraceId::begin(&Span::none(), Some(&caller), &ambient), caller.trace);
        assert_eq!(TraceId::begin(&Span::none(), None, &ambient).0.len(), 32);
    }

    #[test]
    fn a_new_trace_id_has_32_digits() {
        struct Small;
        impl Random for Small {
            fn fill(&self, bytes: &mut [u8]) {
                bytes.fill(0);
            }
        }
        let id = TraceId::new(&Ambient::new(SystemClock, Small));
        assert_eq!(id.0, format!("{:0>32}", 1));
    }
}
