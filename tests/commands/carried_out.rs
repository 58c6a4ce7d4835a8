//! Scripts learn from the exit status of `chat --plain` whether each of their
//! lines was carried out.

use std::{
    io::Write,
    process::{Output, Stdio},
};

use crate::chat::{Plain, World};

/// Somebody runs a script to its end.
async fn run(world: &World, script: &[u8]) -> Output {
    let mut client = world.client("ada", &["--plain", "--login", "ada"]);
    let script = script.to_owned();
    let run = move || {
        let client = client.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = client.spawn().unwrap();
        child.stdin.take().unwrap().write_all(&script).unwrap();
        child.wait_with_output().unwrap()
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_is_not_carried_out_is_no_success() {
    let world = World::new().await;
    for who in ["ada", "bob"] {
        assert!(Plain::register(&world, who).await.end().await.0.success());
    }
    let scripts: [(&[u8], &str); 9] = [
        (b"/friends", ""),
        (b"/to @nobodyy", "there is nobody of this name"),
        (b"Hello", "open a conversation first"),
        (b"/history", "open a conversation first"),
        (b"/walk", "there is no /walk"),
        (b"/to @bob\n/edit 99 x", "message 99 is not here"),
        // The server refuses it.
        (b"/to @bob\n/leave", ""),
        (b"\xff\xfe", "a line that is not UTF-8"),
        (b"/walk\n/sign-out\n", "there is no /walk"),
    ];
    for (number, (script, wrong)) in scripts.into_iter().enumerate() {
        let goes_on: &[u8] = if script.ends_with(b"\n") { b"" } else { b"\n/list\n" };
        let output = run(&world, &[script, goes_on].concat()).await;
        let (said, told) =
            (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        let shown = format!("{}:\n{said}{told}", script.escape_ascii());
        let errors: Vec<_> = said.lines().filter(|line| line.starts_with("error: ")).collect();
        let expected = usize::from(number > 0);
        assert_eq!(output.status.code(), i32::try_from(expected).ok(), "{shown}");
        assert_eq!(errors.len(), expected, "{shown}");
        assert!(errors.iter().all(|error| error.contains(wrong)), "{shown}");
        assert!(said.contains("conversation: ") || goes_on.is_empty(), "it goes on: {shown}");
        assert_eq!(told.contains("not carried out or not sent: 1 of"), expected == 1, "{shown}");
    }
}
