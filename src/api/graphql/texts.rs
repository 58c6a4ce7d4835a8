//! How much text an answer has. Fields are counted before anything is
//! executed, but a text may be as long as hundreds of them, or empty.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_graphql::{Context, Response, ServerError};

/// How many bytes the long texts of an answer have at most: bodies of messages, and what people
/// and groups say of themselves.
const MOST: usize = 8 * 1024 * 1024;

/// The long texts of the answer that is being made, as data of its request.
#[derive(Clone, Default)]
pub(super) struct Texts(Arc<AtomicUsize>);

impl Texts {
    /// The answer, unless it has become too much; the next one begins anew.
    pub(super) fn settled(&self, response: Response) -> Response {
        if self.0.swap(0, Ordering::Relaxed) <= MOST {
            return response;
        }
        let message = "the texts of the answer have more than 8 MiB: ask for shorter pages";
        Response::from_errors(vec![ServerError::new(message, None)])
    }
}

/// The text, unless the answer has become too much already: then all of it is refused in the end,
/// and nothing more is copied.
pub(super) fn told<T: AsRef<str>>(ctx: &Context<'_>, text: Option<T>) -> Option<T> {
    let text = text?;
    let told = ctx.data_opt::<Texts>().map_or(0, |texts| {
        let length = text.as_ref().len();
        texts.0.fetch_add(length, Ordering::Relaxed).saturating_add(length)
    });
    (told <= MOST).then_some(text)
}
