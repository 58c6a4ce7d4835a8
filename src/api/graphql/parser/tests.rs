use async_graphql::parser::{parse_query, types::ExecutableDocument};

use super::{
    parse,
    tokens::{LONGEST_NAME, MAX_NESTING, MAX_TOKENS},
};

/// What a document says, wherever that stands.
pub(in super::super) fn bare(document: &ExecutableDocument) -> String {
    let text = format!("{document:?}");
    let mut parts = text.split("Pos(");
    let mut bare = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        bare.push_str(part.split_once(')').unwrap().1);
    }
    bare
}

fn is_read(text: &str) -> bool {
    parse(text).is_ok()
}

/// What is said against it, and at which column.
fn said(text: &str) -> (String, Option<usize>) {
    let error = parse(text).expect_err(text);
    (error.message, error.locations.first().map(|at| at.column))
}

#[test]
fn documents_are_what_the_specification_has() {
    for text in [
        "{a}",
        "\u{feff}query A{a}mutation B{a}subscription C{a}",
        "query($a:Int){a}",
        "query A($a: [ [ ID! ] ! ], $b: Int = -0, $c: I = { d: [1 ENUM \"\"] }, $e: B = true @f(g: 1)) { a }",
        "query A @b @c(d: $e) { a @b @c(d: $e), ...F @b, ... @b { a }, ... on T @b { a } }",
        "{ ...F ...onward ... on on { on: on(on: on) @on } } fragment F on T @a { b }",
        "{ ... on # a comment\n T { a } }",
        "{ query mutation subscription fragment true false null }",
        "query query { a } fragment fragment on fragment { a }",
        "query true { a(b: nullable, c: trueLove, d: [], e: {}, f: [[$g]], h: { i: { j: $k } }) }",
        "{ a(b: 0, c: -1, d: 1.5e-10, e: 2E+3, f: 18446744073709551616) }",
        "{ a: b c: d(e: \"\\u{1F600}\\uD83D\\uDE00\", f: \"\"\"\n g \\\"\"\"\n\"\"\") }",
        "\"about it\" query A(\"\"\"and\"\"\" $a: Int \"this\" $b: Int) { a } \"too\" fragment F on T { a }",
        "\"about\" query { a }",
    ] {
        assert!(is_read(text), "{text}: {:?}", said(text));
    }
    for (text, expected, column) in [
        ("hunter2", "an operation or a fragment", 1),
        ("queryA { a }", "an operation or a fragment", 1),
        ("type A { a: Int }", "an operation or a fragment", 1),
        ("{ a } }", "an operation or a fragment", 7),
        ("\"about\" { a }", "an operation or a fragment", 9),
        ("\"about\"", "an operation or a fragment", 8),
        ("query A", "\"{\"", 8),
        ("query () { a }", "\"$\"", 8),
        ("query ($: Int) { a }", "the name of a variable", 9),
        ("query ($a Int) { a }", "\":\"", 11),
        ("query ($a: [Int) { a }", "\"]\"", 16),
        ("query ($a: Int!!) { a }", "\"$\"", 16),
        ("query ($a: ) { a }", "a type", 12),
        ("query ($a: Int = $b) { a }", "a value without variables", 18),
        ("query ($a: Int = [$b]) { a }", "a value without variables", 19),
        ("query ($a: Int = {}, $b: Int @c(d: $a)) { a }", "a value without variables", 36),
        ("query ($a: Int @b = 1) { a }", "\"$\"", 19),
        ("{}", "a field", 2),
        ("{ a {} }", "a field", 6),
        ("{ a", "a field", 4),
        ("{ a: }", "a field", 6),
        ("{ a: b: c }", "a field", 7),
        ("{ a() }", "the name of an argument", 5),
        ("{ a(b) }", "\":\"", 6),
        ("{ a(b: ) }", "a value", 8),
        ("{ a(b: }", "a value", 8),
        ("{ a(b: [) }", "a value", 9),
        ("{ a(b: { \"c\": 1 }) }", "the name of a field", 10),
        ("{ a(b: 1e999) }", "a smaller number", 8),
        ("{ a @ }", "the name of a directive", 7),
        ("{ ... }", "\"{\"", 7),
        ("{ ...on }", "a type", 9),
        ("{ ...on { a } }", "a type", 9),
        ("{ a } fragment on on T { a }", "the name of a fragment", 16),
        ("{ a } fragment F { a }", "\"on\"", 18),
        ("{ a } fragmentF on T { a }", "an operation or a fragment", 7),
        ("{ a } fragment F($a: Int) on T { a }", "\"on\"", 17),
        ("{ a } fragment F on T", "\"{\"", 22),
        ("{ a(b: \"\"\"hunter2\" [[[[", "the end of a string", 8),
        ("{ a(b: \"hunter2", "the end of a string", 8),
        ("{ a(b: \"", "the end of a string", 8),
        ("{ a(b: \"\nhunter2\") }", "a token", 8),
        ("{ a(b: \"\rhunter2\") }", "a token", 8),
        ("\"\n\" query A { a }", "a token", 1),
        ("{ a(b: \"hunter2\n\") }", "a token", 8),
        ("{ a(b: \"\\x\") }", "a token", 8),
        ("{ a(b: \"\\uD83D\") }", "a token", 8),
        ("{ a(b: \"\\u{110000}\") }", "a token", 8),
        ("{ a(b: 00) }", "a token", 8),
        ("{ a(b: 1c: 2) }", "a token", 8),
        ("{ a(b: 1.5.2) }", "a token", 8),
        ("{ a(b: -) }", "a token", 8),
        ("{ a ..b }", "a token", 5),
        ("{ a \u{e9} }", "a token", 5),
        ("{ a # \u{e9}\n(\u{e9}: 1) }", "a token", 2),
    ] {
        let expected = format!("the document can't be parsed: expected {expected}");
        assert_eq!(said(text), (expected, Some(column)), "{text}");
    }
}

#[test]
fn what_is_read_is_where_it_stands() {
    for text in [
        "{ a }",
        "query A($a: Int, $b: [B!]! = [{ c: 1, d: \"e\" }]) @f(g: $a) {\n  h: i(j: $b, k: 1.5) @l {\n    m\n  }\n}",
        "mutation { a(b: { c: [1, null, true, D, $e], f: \"\u{e9}\\n\" }, # g\n h: 1) { i } }",
        "subscription S { ...F @a ... on T { b } ... @c { d } }\n\nfragment F on\nT @e { f }",
    ] {
        let (ours, theirs) = (parse(text).unwrap(), parse_query(text).unwrap());
        assert_eq!(format!("{ours:?}"), format!("{theirs:?}"), "{text}");
    }
    let line = |text: &str| parse(text).unwrap_err().locations[0].line;
    assert_eq!(line("\n\r\n\r# a\r!"), 5);
    assert_eq!(line("{ a(b: \"\"\"\r\n\n\"\"\" !) }"), 3);
}

#[test]
fn each_name_is_defined_once() {
    for (text, message, columns) in [
        ("query A { a } query A { a }", "there are two operations named \"A\"", [1, 15]),
        ("query A { a } mutation A { a }", "there are two operations named \"A\"", [1, 15]),
        ("query A { a } { a }", "an operation without a name is the only one", [1, 15]),
        ("{ a } query A { a }", "an operation without a name is the only one", [1, 7]),
        ("query { a } mutation { a }", "an operation without a name is the only one", [1, 13]),
        (
            "{ a } fragment F on T { a } fragment F on T { a }",
            "there are two fragments named \"F\"",
            [7, 29],
        ),
    ] {
        let error = parse(text).unwrap_err();
        let at: Vec<_> = error.locations.iter().map(|at| at.column).collect();
        assert_eq!(
            (error.message.as_str(), at.as_slice()),
            (message, columns.as_slice()),
            "{text}"
        );
    }
    for text in ["", "# nothing", "fragment F on T { a }"] {
        assert_eq!(said(text), ("the document has no operation".to_owned(), None));
    }
}

#[test]
fn brackets_in_strings_and_comments_are_none() {
    let many = "[".repeat(100);
    for fine in [
        format!("{{ a(b: \"{many}\") }}"),
        format!("{{ a(b: \"\\\"{many}\") }}"),
        format!("{{ a(b: \"\"\"\\\"\"\"{many} \" \"\" \"\"\") }}"),
        format!("{{ a # {many}\n }}"),
        format!("{{ {} }}", "a(b: { c: [] }) { d } ".repeat(100)),
    ] {
        assert!(is_read(&fine), "{fine}: {:?}", said(&fine));
    }
    let levels = |levels: usize| {
        let nested = levels - 2;
        format!("{{ a(b: {}{}) }}", "[".repeat(nested), "]".repeat(nested))
    };
    assert!(is_read(&levels(MAX_NESTING)));
    for begin in
        ["", "query ($a: ", "{ a(b: \"\" ", "{ a(b: \"\"\"a\\\"\"\"\"\"\" ", "{ a # a\n(b: "]
    {
        for bracket in ["[", "{a", "{a:", "{a(b:{c:"] {
            assert!(parse(&format!("{begin}{}", bracket.repeat(30_000))).is_err());
        }
    }
    assert_eq!(said(&levels(MAX_NESTING + 1)).0, "brackets are nested deeper than 64 levels");
    let fields = |levels: usize| format!("{}a{}", "{a".repeat(levels), "}".repeat(levels));
    assert!(is_read(&fields(MAX_NESTING)));
    assert_eq!(said(&fields(MAX_NESTING + 1)).0, "brackets are nested deeper than 64 levels");
}

#[test]
fn a_name_may_be_long() {
    let name = "n".repeat(LONGEST_NAME);
    assert!(is_read(&format!("{{ {name} }}")));
    assert_eq!(said(&format!("{{ {name}n }}")).0, "a name is longer than 256 letters");
}

#[test]
fn tokens_are_counted_as_the_specification_has_them() {
    for (text, tokens) in [
        ("{ , \t\r\n # a comment\n", 1),
        ("{ a(b: -1.5e+10)", 7),
        ("query ($a:Int!=1){", 11),
        ("{ ...F", 3),
        ("{ x...F...F", 6),
        ("\u{feff}{", 1),
        ("{ ... on F@a{b}", 9),
        ("{ a(b: \"a string, of words\")", 7),
        ("{ a(b: \"\"\"a block\n\"of\"\n words\"\"\")", 7),
        ("{ a(b: [1, 2], c: \"\") { d # e f\n }", 16),
    ] {
        let filled =
            |more: usize| format!("{text}{}}}", " a".repeat(MAX_TOKENS - tokens + more - 1));
        assert!(is_read(&filled(0)), "{text}: {:?}", said(&filled(0)));
        assert_eq!(said(&filled(1)).0, "the document has more than 2,000 tokens", "{text}");
    }
}

#[test]
fn a_field_of_an_input_object_is_given_once() {
    for fine in [
        "{ a { b } a { b } }",
        "{ a: b(x: 1) { a: b(x: 1) } a: b(x: 1) { a: b(x: 1) } }",
        "{ f(x: { a: 1, b: { a: 1 }, c: [{ a: 1 }, { a: 1 }] }) }",
        "{ f(x: { a: \"a: 1, a: 1\" }) } # { a: 1, a: 1 }",
        "query ($x: I = { a: 1 }, $y: I = { a: 1 }) { f @d(x: { a: $x }) g @d(x: { a: $y }) }",
    ] {
        assert!(is_read(fine), "{fine}");
    }
    for (twice, column) in [
        ("{ f(x: { a: 1, a: 1 }) }", 16),
        ("{ f(x: { a: { b: 1, b: 2 } }) }", 21),
        ("{ f(x: [{ a: 1 }, { b: [1], c: 2, b # again\n : [2] }]) }", 35),
        ("query ($x: I = { a: 1 a: 1 }) { f }", 23),
        ("{ f @d(x: { a: \"\u{e9}\", a: 1 }) }", 21),
        ("{ f(x: { a\u{feff}: 1, a: 2 }) }", 17),
        ("{\n  f(x: { a: 1,\n a: 2 }) }", 2),
    ] {
        let message = "a field of an input object is given twice".to_owned();
        assert_eq!(said(twice), (message, Some(column)), "{twice}");
    }
}
