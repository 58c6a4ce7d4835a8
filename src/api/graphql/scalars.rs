//! Scalars of the contract.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use chatterbox_graph::Timestamp;

/// RFC 3339, UTC, microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DateTime(pub Timestamp);

#[Scalar(name = "DateTime")]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else {
            return Err(InputValueError::expected_type(value));
        };
        let parsed: jiff::Timestamp = text.parse().map_err(InputValueError::custom)?;
        Ok(Self(Timestamp(parsed.as_microsecond())))
    }

    fn to_value(&self) -> Value {
        match jiff::Timestamp::from_microsecond(self.0.0) {
            Ok(timestamp) => Value::String(format!("{timestamp:.6}")),
            Err(_beyond_the_calendar) => Value::Null,
        }
    }
}

impl From<Timestamp> for DateTime {
    fn from(timestamp: Timestamp) -> Self {
        Self(timestamp)
    }
}
