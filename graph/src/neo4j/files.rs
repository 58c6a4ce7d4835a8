//! Every file under `cypher/` is a statement, and every statement one.

use std::{collections::BTreeSet, fs, path::Path};

use super::{
    census, chats, directory, friendships, group_edits, groups, lists, paths, people, schema,
    settings, suggestions,
};

fn files(folder: &Path, found: &mut BTreeSet<String>, root: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found, root);
        } else {
            let name = path.strip_prefix(root).unwrap().with_extension("");
            found.insert(name.to_str().unwrap().replace('\\', "/"));
        }
    }
}

#[test]
fn every_file_is_a_statement() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cypher");
    let mut found = BTreeSet::new();
    files(&root, &mut found, &root);

    let modules = [
        people::ALL,
        settings::ALL,
        friendships::ALL,
        lists::ALL,
        paths::ALL,
        suggestions::ALL,
        directory::ALL,
        groups::ALL,
        group_edits::ALL,
        chats::ALL,
        census::ALL,
        schema::ALL,
    ];
    let statements: Vec<_> = modules.into_iter().flatten().collect();
    let names: BTreeSet<_> = statements.iter().map(|statement| statement.name.to_owned()).collect();
    assert_eq!(names.len(), statements.len(), "a name stands for two statements");
    assert_eq!(found, names);
}
