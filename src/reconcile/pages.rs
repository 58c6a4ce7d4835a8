//! Two lists in the order of their ids, read page by page and laid side by side.

use std::collections::VecDeque;

use futures::future::BoxFuture;

use crate::error::Result;

/// Reads the page behind an id.
type Fetch<K, T> = Box<dyn FnMut(Option<K>) -> BoxFuture<'static, Result<Vec<T>>> + Send>;

/// A list that is read page by page.
pub(super) struct Pages<K, T> {
    fetch: Fetch<K, T>,
    key: fn(&T) -> K,
    page: VecDeque<T>,
    after: Option<K>,
    ended: bool,
}

impl<K: Copy, T> Pages<K, T> {
    /// `fetch` reads the page behind an id; an empty one is the last.
    pub(super) fn new(
        key: fn(&T) -> K,
        fetch: impl FnMut(Option<K>) -> BoxFuture<'static, Result<Vec<T>>> + Send + 'static,
    ) -> Self {
        Self { fetch: Box::new(fetch), key, page: VecDeque::new(), after: None, ended: false }
    }

    /// The id of the next item.
    pub(super) async fn next_key(&mut self) -> Result<Option<K>> {
        if self.page.is_empty() && !self.ended {
            self.page = (self.fetch)(self.after).await?.into();
            self.ended = self.page.is_empty();
            self.after = self.page.back().map(self.key).or(self.after);
        }
        Ok(self.page.front().map(self.key))
    }

    fn take(&mut self) -> Option<T> {
        self.page.pop_front()
    }
}

/// An id, and what is kept of it on either side.
pub(super) enum Side<L, R> {
    /// Only on the left.
    Left(L),
    /// Only on the right.
    Right(R),
    /// On both.
    Both(L, R),
}

/// What comes next on either side.
pub(super) async fn next<K: Copy + Ord, L, R>(
    left: &mut Pages<K, L>,
    right: &mut Pages<K, R>,
) -> Result<Option<Side<L, R>>> {
    Ok(match (left.next_key().await?, right.next_key().await?) {
        (Some(one), Some(other)) if one == other => {
            left.take().zip(right.take()).map(|(left, right)| Side::Both(left, right))
        }
        (Some(one), Some(other)) if one > other => right.take().map(Side::Right),
        (Some(_), _) => left.take().map(Side::Left),
        (None, _) => right.take().map(Side::Right),
    })
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn pages(items: &'static [u8]) -> Pages<u8, u8> {
        Pages::new(
            |item| *item,
            move |after| {
                let rest = items.iter().copied().filter(move |item| Some(*item) > after);
                async move { Ok(rest.take(2).collect()) }.boxed()
            },
        )
    }

    #[tokio::test]
    async fn each_id_comes_once_and_in_order() {
        let (mut left, mut right) = (pages(&[1, 2, 3, 5, 9]), pages(&[0, 2, 3, 4, 5, 6, 7]));
        let mut seen = Vec::new();
        while let Some(side) = next(&mut left, &mut right).await.unwrap() {
            seen.push(match side {
                Side::Left(id) => format!("{id}-"),
                Side::Right(id) => format!("-{id}"),
                Side::Both(one, other) => format!("{one}{other}"),
            });
        }
        assert_eq!(seen, ["-0", "1-", "22", "33", "-4", "55", "-6", "-7", "9-"]);
    }
}
