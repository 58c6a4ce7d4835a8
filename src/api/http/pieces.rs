//! Large answers, which leave in pieces: a connection takes the next one once it
//! has room, and not all of it into its own memory.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use super::line::Place;

/// How large a piece is at most, in bytes.
const PIECE: usize = 64 * 1024;

/// An answer in pieces, which keeps its place until its last one is taken.
pub(super) struct Pieces {
    rest: Bytes,
    _place: Option<Place>,
}

impl Pieces {
    /// All of the answer. One that is no larger than a piece needs no place to wait in.
    pub(super) fn new(answer: Bytes, place: Option<Place>) -> Self {
        let _place = place.filter(|_| answer.len() > PIECE);
        Self { rest: answer, _place }
    }
}

/// Takes the next piece off.
pub(super) fn next_piece(rest: &mut Bytes) -> Bytes {
    rest.split_to(rest.len().min(PIECE))
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let rest = &mut self.get_mut().rest;
        Poll::Ready((!rest.is_empty()).then(|| Ok(Frame::data(next_piece(rest)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}
