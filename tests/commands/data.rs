//! The data folder: who makes it, who only looks at it, and who serves it.

use std::{net::TcpListener, path::Path, process::Output};

use crate::{
    chatterbox, said,
    support::{process::Process, stores::StoreUrls},
};

const LOOKING: [&[&str]; 4] =
    [&["check"], &["dead-letters", "list"], &["reconcile"], &["rebuild", "last-chatted"]];

fn on(data: &Path, command: &[&str]) -> Output {
    chatterbox(&[command, &["--data", data.to_str().unwrap()]].concat(), &[])
}

/// The parts that `check` says have failed.
fn failed(output: &Output) -> Vec<String> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines().filter(|line| line.contains(" failed ")).map(ToOwned::to_owned).collect()
}

#[test]
fn a_path_with_a_typing_error_is_no_empty_store() {
    let around = tempfile::tempdir().unwrap();
    let data = around.path().join("daat");
    for command in LOOKING {
        let output = on(&data, command);
        assert_eq!(output.status.code(), Some(1), "{command:?}: {}", said(&output));
        let missing = format!("error: there is no {}", data.join("chatterbox.db").display());
        assert!(said(&output).contains(&missing), "{command:?}: {}", said(&output));
        assert!(!data.exists(), "{command:?}");
    }
}

#[test]
fn who_looks_at_a_data_folder_makes_nothing_in_it() {
    let around = tempfile::tempdir().unwrap();
    let data = around.path().join("data");
    let migrated = on(&data, &["migrate"]);
    assert!(migrated.status.success(), "{}", said(&migrated));
    for command in &LOOKING[1..] {
        let output = on(&data, command);
        assert!(output.status.success(), "{command:?}: {}", said(&output));
    }
    let output = on(&data, &["check"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let failed = failed(&output);
    let key_alone = failed.len() == 1 && failed[0].starts_with("keys ");
    assert!(key_alone && failed[0].ends_with("  MISSING"), "{failed:?}");
    assert!(said(&output).contains("signing-key.pem"), "{}", said(&output));
    let others = std::fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().file_name());
    let others: Vec<_> =
        others.filter(|name| !name.to_str().unwrap().starts_with("chatterbox.db")).collect();
    assert!(others.is_empty(), "{others:?}");
}

#[test]
fn what_hinders_the_start_is_no_failure_of_a_store() {
    let around = tempfile::tempdir().unwrap();
    let folder = around.path();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let busy = on(&folder.join("data"), &["serve", "--listen", &address]);
    std::fs::write(folder.join("file"), "").unwrap();
    let no_folder = on(&folder.join("file"), &["migrate"]);
    std::fs::create_dir_all(folder.join("odd/signing-key.pem")).unwrap();
    let no_key = on(&folder.join("odd"), &["serve", "--listen", "127.0.0.1:0"]);
    for (output, why) in [
        (busy, format!("error: can't listen on {address}: ")),
        (no_folder, format!("error: can't make the data folder {}/file: ", folder.display())),
        (no_key, format!("error: can't read {}/odd/signing-key.pem: ", folder.display())),
    ] {
        let text = said(&output);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.lines().any(|line| line.starts_with(&why)), "{why}: {text}");
    }
}

/// Two would not hear of each other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_process_serves_a_data_folder_until_it_is_killed() {
    let around = tempfile::tempdir().unwrap();
    let data = around.path().join("data");
    let stores = StoreUrls::embedded();
    let mut service = Process::start(data.clone(), stores.clone(), &[]).await;
    for _ in 0..2 {
        // Ended from outside where it serves.
        let mut second = Process::new(&["timeout", "30"], data.clone(), stores.clone(), &[]);
        second.spawn();
        assert_eq!(second.ended().await.code(), Some(1), "{}", second.log());
        let refused = "error: another process serves this data folder: ";
        assert!(second.log().contains(refused), "{}", second.log());
        for command in LOOKING {
            let output = on(&data, command);
            assert!(output.status.success(), "{command:?}: {}", said(&output));
        }
        service.kill();
        service.restart().await;
    }
}
