//! How names and words are compared without case and accents.

use unicode_normalization::UnicodeNormalization;

/// Folds `text` so that what differs only in case or accents becomes equal:
/// `Zoë`, `ZOE` and `zoe`, also `Łukasz` and `lukasz`. Folding twice changes
/// nothing more.
#[must_use]
pub fn fold(text: &str) -> String {
    // By way of upper case: it tells that ß is SS and that both sigmas are one letter.
    let lower = text.nfkd().flat_map(char::to_lowercase);
    let cased = lower.flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    let mut folded = String::with_capacity(text.len());
    for letter in cased.nfkd() {
        match plain(letter) {
            Some(plain) => folded.push_str(plain),
            None if is_accent(letter) => {}
            None => folded.push(letter),
        }
    }
    folded
}

/// Letters that carry a stroke or are joined, which Unicode does not take apart.
fn plain(letter: char) -> Option<&'static str> {
    Some(match letter {
        'ø' => "o",
        'ł' => "l",
        'đ' | 'ð' => "d",
        'ħ' => "h",
        'æ' => "ae",
        'œ' => "oe",
        'þ' => "th",
        _ => return None,
    })
}

/// Marks that accent a letter. Those that make another sound of it, such as
/// the vowel signs of Indic scripts, are left where they are.
fn is_accent(letter: char) -> bool {
    matches!(letter,
        '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

#[cfg(test)]
mod tests {
    use super::fold;

    #[test]
    fn case_and_accents_make_no_difference() {
        for (written, folded) in [
            ("Zoë", "zoe"),
            ("ZOE\u{308}", "zoe"),
            ("Łukasz Ångström", "lukasz angstrom"),
            ("STRAẞE Straße", "strasse strasse"),
            ("ΣΊΣΥΦΟΣ σίσυφος", "σισυφοσ σισυφοσ"),
            ("İstanbul ısı", "istanbul isi"),
            ("FIona", "fiona"),
            ("100%_.*\\", "100%_.*\\"),
            ("", ""),
        ] {
            assert_eq!(fold(written), folded, "{written}");
        }
    }

    #[test]
    fn folding_twice_changes_nothing_more() {
        for letter in (0..=u32::from(char::MAX)).filter_map(char::from_u32) {
            let once = fold(&letter.to_string());
            assert_eq!(fold(&once), once, "{letter:?}");
        }
    }
}
