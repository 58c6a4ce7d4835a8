//! What people in town say to each other.

const OPENINGS: &[&str] = &[
    "Good morning! Did you sleep well?",
    "Have you seen the new exhibition at the museum?",
    "Are you free on Saturday?",
    "I found the book you were looking for.",
    "How did your talk go yesterday?",
    "The bakery on the corner has opened again.",
    "My train is late, I'll be there at half past.",
];

const EXCHANGES: &[&[&str]] = &[
    &[
        "Yes, and I had the strangest idea on the way to work.",
        "Tell me!",
        "What if the machine could rearrange its own instructions?",
        "Then it could be wrong in ways we never imagined 😄",
        "That's exactly what I like about it.",
    ],
    &[
        "Not yet. Is it worth it?",
        "Very much. Take two hours for it.",
        "Shall we go together? Thursday evening is free for members.",
        "Thursday is perfect. I'll bring the tickets.",
        "🎟️ See you at six, then.",
    ],
    &[
        "I am! What do you have in mind?",
        "A walk along the river, and soup afterwards.",
        "You had me at soup.",
        "Ten o'clock at the bridge?",
        "Make it eleven, and I'll bring a cake.",
    ],
    &[
        "You are a treasure. Where was it?",
        "Under a pile of punched cards, of all places.",
        "I owe you a coffee.",
        "Two. There was a lot of dust.",
        "Deal ☕☕",
    ],
    &[
        "Better than I feared. Only one question I couldn't answer.",
        "Which one?",
        "Whether it would ever be finished.",
        "What did you say?",
        "\"It is finished when nobody asks any more.\"",
    ],
];

const CLOSINGS: &[&str] =
    &["Talk to you soon!", "See you later 👋", "Give my regards to everyone.", "Until then!"];

/// The lines of a talk, by turns, the first by whom is named first.
pub(super) fn lines(number: usize) -> impl Iterator<Item = &'static str> {
    let pick = |list: &'static [&'static str]| list[number % list.len()];
    std::iter::once(pick(OPENINGS))
        .chain(EXCHANGES[number % EXCHANGES.len()].iter().copied())
        .chain(EXCHANGES[(number + 2) % EXCHANGES.len()].iter().copied())
        .chain(std::iter::once(pick(CLOSINGS)))
}
