//! Few shapes for statements with lists in them.
//!
//! A connection keeps its latest statements prepared. Where every length of
//! every list makes one of its own it soon keeps none long enough, and on MySQL each that it gives
//! up costs 40 ms: the driver tells the server so without waiting for an
//! answer, and what it sends next waits for the acknowledgement (RFC 896, RFC 1122, section 4.2.3.2).

/// How many rows one statement inserts at most.
const ROWS: usize = 64;
/// Lengths beyond this are multiples of it.
const STEP: usize = 32;

/// Longer lists are rare, and SQLite takes no more than 1,000 alternatives.
const LONGEST: usize = 256;

/// The same items; the last one again and again, until there are a power of
/// two of them, if they are not many.
pub(super) fn padded<T: Clone>(items: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut items: Vec<T> = items.into_iter().collect();
    if let Some(last) = items.last().cloned().filter(|_| items.len() < LONGEST) {
        items.resize(items.len().next_power_of_two(), last);
    }
    items
}

/// The same rows, in parts of few different lengths.
pub(super) fn parts<T>(mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let length = match rows.len() {
            0 => return None,
            few @ ..STEP => few,
            more => more.min(ROWS) / STEP * STEP,
        };
        let (part, rest) = rows.split_at(length);
        rows = rest;
        Some(part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_grows_to_a_power_of_two() {
        assert_eq!(padded([1, 2, 3]), [1, 2, 3, 3]);
        assert_eq!(padded([1]), [1]);
        assert_eq!(padded([0; 0]), [0; 0]);
        assert_eq!(padded(0..100).len(), 128);
        assert_eq!(padded(0..600).len(), 600);
    }

    #[test]
    fn rows_come_in_few_lengths_and_all_of_them() {
        let rows: Vec<usize> = (0..256).collect();
        let mut lengths = std::collections::BTreeSet::new();
        for n in 0..=rows.len() {
            assert_eq!(parts(&rows[..n]).flatten().count(), n);
            assert!(parts(&rows[..n]).flatten().eq(&rows[..n]));
            lengths.extend(parts(&rows[..n]).map(<[usize]>::len));
        }
        assert_eq!(lengths.len(), 33, "{lengths:?}");
        assert_eq!(parts(&rows[..100]).map(<[usize]>::len).collect::<Vec<_>>(), [64, 32, 4]);
    }
}
