//! Who is answered what: tables as they are written, and as the service answers.

use std::{collections::BTreeMap, fmt::Write, path::Path};

use super::cast::ROLES;

/// A table in sections: by section and row, what each role is answered.
#[derive(Default)]
pub(super) struct Table(BTreeMap<(String, String), Vec<String>>);

impl Table {
    /// Reads `## section` and `| row | answer | … |`.
    fn parse(text: &str) -> Self {
        let (mut table, mut section) = (Self::default(), String::new());
        for line in text.lines() {
            if let Some(heading) = line.strip_prefix("## ") {
                heading.clone_into(&mut section);
            }
            let Some(cells) = line.strip_prefix('|').and_then(|line| line.strip_suffix('|')) else {
                continue;
            };
            let mut cells = cells.split('|').map(|cell| cell.trim().to_owned());
            let row = cells.next().unwrap_or_default();
            if !row.is_empty() && !row.starts_with('-') {
                table.set(&section, &row, cells.collect());
            }
        }
        table
    }

    pub(super) fn set(&mut self, section: &str, row: &str, answers: Vec<String>) {
        let wide = answers.len() == ROLES.len();
        assert!(wide, "{section}: {row} has {} answers, not {}", answers.len(), ROLES.len());
        let known = self.0.insert((section.to_owned(), row.to_owned()), answers);
        assert!(known.is_none(), "{section}: {row} comes twice");
    }

    fn written(&self) -> String {
        let (mut text, mut last) = (String::new(), "");
        for ((section, row), answers) in &self.0 {
            if section != last {
                let line = "|---".repeat(ROLES.len() + 1);
                writeln!(text, "\n## {section}\n\n|  | {} |\n{line}|", ROLES.join(" | ")).unwrap();
                last = section;
            }
            writeln!(text, "| {row} | {} |", answers.join(" | ")).unwrap();
        }
        text
    }

    /// Fails, cell by cell, where the service answers something else than what is written in the file of this name.
    pub(super) fn is_as_written(&self, name: &str) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/api/authorisation");
        // Read when the test runs: who changes a table need not build anew.
        let expected = Self::parse(&std::fs::read_to_string(folder.join(name)).unwrap());
        let mut wrong = Vec::new();
        for (key, answers) in &self.0 {
            let (section, row) = key;
            let Some(expected) = expected.0.get(key) else {
                wrong.push(format!("{section} | {row}: is not in the table"));
                continue;
            };
            for ((role, expected), answer) in ROLES.iter().zip(expected).zip(answers) {
                if expected != answer {
                    wrong.push(format!(
                        "{section} | {row} | {role}: should be answered {expected}, not {answer}"
                    ));
                }
            }
        }
        let gone = expected.0.keys().filter(|key| !self.0.contains_key(key));
        wrong.extend(
            gone.map(|(section, row)| format!("{section} | {row}: there is no such thing")),
        );
        if !wrong.is_empty() {
            let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
            std::fs::write(&path, self.written()).unwrap();
            let (count, path) = (wrong.len(), path.display());
            panic!(
                "{count} differences from {name}; the table as it is: {path}\n{}",
                wrong.join("\n")
            );
        }
    }
}
