//! Who lives in town and who knows whom.

/// Usernames and display names.
pub(super) const PEOPLE: &[(&str, &str)] = &[
    ("ada", "Ada Lovelace"),
    ("grace", "Grace Hopper"),
    ("alan", "Alan Turing"),
    ("katherine", "Katherine Johnson"),
    ("edsger", "Edsger Dijkstra"),
    ("barbara", "Barbara Liskov"),
    ("donald", "Donald Knuth"),
    ("margaret", "Margaret Hamilton"),
    ("dennis", "Dennis Ritchie"),
    ("ken", "Ken Thompson"),
    ("frances", "Frances Allen"),
    ("john", "John McCarthy"),
    ("radia", "Radia Perlman"),
    ("tim", "Tim Berners-Lee"),
    ("hedy", "Hedy Lamarr"),
    ("linus", "Linus Torvalds"),
];

/// Circles of friends: everybody in one knows everybody else in it.
const CIRCLES: &[&[usize]] = &[
    &[0, 1, 2, 3],
    &[1, 5, 7, 10],
    &[2, 4, 6, 11],
    &[8, 9, 15],
    &[12, 13, 14],
    &[3, 7],
    &[6, 8],
    &[13, 15],
];

/// Friends, each pair once.
pub(super) fn friendships() -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    for circle in CIRCLES {
        for (place, one) in circle.iter().enumerate() {
            pairs.extend(circle[place + 1..].iter().map(|other| (*one, *other)));
        }
    }
    pairs
}

/// Requests that wait for an answer: who asks whom, and what they write.
pub(super) fn requests() -> [(usize, usize, &'static str); 3] {
    [
        (5, 0, "We met at the library. Shall we stay in touch?"),
        (14, 0, "Your notes on the engine are wonderful."),
        (0, 12, "I would love to hear more about spanning trees."),
    ]
}

/// Who talks with whom; ada and grace last, so that theirs is on top.
pub(super) fn talks() -> Vec<(usize, usize)> {
    let mut pairs = friendships();
    pairs.rotate_left(1);
    pairs
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_town_is_what_the_documentation_promises() {
        assert!(PEOPLE.len() >= 12);
        let pairs: HashSet<_> = friendships().into_iter().collect();
        assert_eq!(pairs.len(), friendships().len(), "nobody is a friend twice");
        assert_eq!(talks().last(), Some(&(0, 1)));
        let met: HashSet<_> = pairs.iter().flat_map(|(one, other)| [*one, *other]).collect();
        assert_eq!(met.len(), PEOPLE.len(), "nobody is alone");
        for (from, to, _) in requests() {
            assert!(!pairs.contains(&(from.min(to), from.max(to))));
        }
    }
}
