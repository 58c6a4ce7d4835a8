//! What was found.

use std::fmt;

/// How many differences are named.
const NAMED: usize = 1_000;

/// What was compared, and what came of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// How many people were compared.
    pub people: u64,
    /// How many groups.
    pub groups: u64,
    /// How many two people, by what the log tells of them.
    pub pairs: u64,
    /// How many differences were mended.
    pub mended: u64,
    /// How many are left.
    pub left: u64,
    lines: Vec<String>,
}

impl Report {
    pub(super) fn mended(&mut self, what: &str, how: &str) {
        self.mended += 1;
        self.name(what, how);
    }

    pub(super) fn left(&mut self, what: &str, why: &str) {
        self.left += 1;
        self.name(what, why);
    }

    fn name(&mut self, what: &str, more: &str) {
        if self.lines.len() < NAMED {
            self.lines.push(format!("{what}: {more}"));
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { people, groups, pairs, mended, left, lines } = self;
        for line in lines {
            writeln!(f, "{line}")?;
        }
        let unnamed = (mended + left).saturating_sub(lines.len() as u64);
        if unnamed > 0 {
            writeln!(f, "… and {unnamed} more")?;
        }
        write!(f, "compared {people} people, {groups} groups and {pairs} pairs of the log; ")?;
        match mended + left {
            0 => write!(f, "nothing differs"),
            _ => write!(f, "mended {mended} differences, left {left}"),
        }
    }
}
