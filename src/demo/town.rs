//! Who lives in town, who knows whom, and who meets where.

use chatterbox_graph::GroupVisibility;

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

/// A group in town.
pub(super) struct Club {
    pub(super) name: &'static str,
    pub(super) description: &'static str,
    pub(super) visibility: GroupVisibility,
    /// Who owns it, who looks after it, and who else is in it.
    pub(super) members: &'static [usize],
    /// Who says what.
    pub(super) talk: &'static [(usize, &'static str)],
}

/// The groups in town.
pub(super) const CLUBS: [Club; 3] = [
    Club {
        name: "Analytical Engineers",
        description: "Engines, real and imagined.",
        visibility: GroupVisibility::Public,
        members: &[0, 1, 2, 3, 5, 7],
        talk: &[
            (
                0,
                "Welcome, everyone! Here we talk about engines that may do anything but originate.",
            ),
            (2, "Anything? I have a short proof about that …"),
            (1, "Please not before lunch 😄"),
            (3, "I checked the orbit by hand. Twice."),
            (0, "And the machine?"),
            (3, "It agrees with me."),
            (7, "Then we can fly. Priority displays first, alarms second."),
            (5, "As long as one can be substituted for the other."),
            (1, "Found it: there was a moth in the relay."),
            (2, "A first actual case of a bug being found!"),
            (0, "I'll put it into the notes. Note H."),
        ],
    },
    Club {
        name: "Compiler Club",
        description: "Every second Tuesday, at Grace's.",
        visibility: GroupVisibility::Public,
        members: &[1, 10, 6, 8, 11, 15],
        talk: &[
            (1, "Tuesday at seven? I bring the nanoseconds."),
            (10, "I'll bring a graph that needs colouring."),
            (6, "Beware of bugs in my cake. I have only proved it correct, not tried it."),
            (11, "(bring (cons 'tea 'biscuits))"),
            (8, "There are a few of us who'd rather have them null-terminated."),
            (15, "Talk is cheap. Show me the cake."),
            (1, "It is easier to ask forgiveness than to get permission: I have ordered two."),
        ],
    },
    Club {
        name: "Sunday Walk",
        description: "Whoever comes, comes. Boots, whatever the weather.",
        visibility: GroupVisibility::Private,
        members: &[14, 12, 13, 0, 9],
        talk: &[
            (14, "Same place, same time?"),
            (12, "I think that I shall never see a path as lovely as a tree."),
            (13, "I've linked the map. This one is for everyone."),
            (0, "Count me in. How far is it?"),
            (9, "As far as it can be trusted."),
            (
                14,
                "Nine kilometres. We change direction now and then, so that nobody can follow us.",
            ),
        ],
    },
];

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
        for club in CLUBS {
            let members: HashSet<_> = club.members.iter().collect();
            assert_eq!(members.len(), club.members.len(), "{}", club.name);
            assert!(club.talk.iter().all(|(who, _)| members.contains(who)), "{}", club.name);
        }
        for (from, to, _) in requests() {
            assert!(!pairs.contains(&(from.min(to), from.max(to))));
        }
    }
}
