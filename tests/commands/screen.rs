//! `chatterbox chat` on the whole screen: in tmux, as on any terminal.

use std::{
    ffi::OsStr,
    path::PathBuf,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use tokio::time::{Instant, interval};

use crate::chat::{Plain, World};

/// How long anything may take that is waited for on a screen.
const PATIENCE: Duration = Duration::from_secs(90);

/// A terminal of its own, with a client in it.
struct Screen {
    socket: PathBuf,
    who: &'static str,
}

impl Screen {
    /// A client in a terminal of 100 columns and 30 rows; what stands behind it
    /// shows how it ended.
    fn open(world: &World, who: &'static str) -> Self {
        Self::open_with(world, who, &world.client(who, &[]))
    }

    fn open_with(world: &World, who: &'static str, client: &Command) -> Self {
        // A server of tmux that ends keeps its socket for a moment.
        static OPENED: AtomicU32 = AtomicU32::new(0);
        let number = OPENED.fetch_add(1, Ordering::Relaxed);
        let socket = world.folder.path().join(format!("{who}-{number}.tmux"));
        let screen = Self { socket, who };
        let (set, unset): (Vec<_>, Vec<_>) =
            client.get_envs().partition(|(_, value)| value.is_some());
        let mut line = ["env", "-u", "NO_COLOR"].map(str::to_owned).to_vec();
        for (name, _) in unset {
            line.extend(["-u".to_owned(), name.display().to_string()]);
        }
        let value = |value: Option<&OsStr>| value.unwrap_or_default().display().to_string();
        line.extend(set.iter().map(|(name, set)| format!("{}={}", name.display(), value(*set))));
        line.push(client.get_program().display().to_string());
        line.extend(client.get_args().map(|argument| argument.display().to_string()));
        let line = line.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ");
        let command = format!("{line}; echo \"ended with $?\"; exec cat");
        let started = screen
            .tmux()
            .args(["-f", "/dev/null", "new-session", "-d", "-x", "100", "-y", "30", "-s", who])
            .arg(command)
            .status()
            .expect("tmux is missing: install `tmux`");
        assert!(started.success());
        screen
    }

    fn tmux(&self) -> Command {
        let mut command = Command::new("tmux");
        command.env("LC_ALL", "C.UTF-8").env_remove("TMUX").arg("-u").arg("-S").arg(&self.socket);
        command
    }

    fn run(&self, arguments: &[&str]) -> String {
        let output = self.tmux().args(arguments).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "tmux {arguments:?}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// What is on the screen.
    fn shown(&self) -> String {
        self.run(&["capture-pane", "-p", "-t", self.who])
    }

    /// Presses keys, as tmux names them.
    fn press(&self, keys: &[&str]) {
        self.run(&[&["send-keys", "-t", self.who], keys].concat());
    }

    /// Writes a text and presses Enter.
    fn write(&self, text: &str) {
        self.run(&["send-keys", "-t", self.who, "-l", text]);
        self.press(&["Enter"]);
    }

    /// Waits until the screen shows the text.
    async fn shows(&self, text: &str) {
        self.looks(text, |shown| shown.contains(text)).await;
    }

    async fn looks(&self, what: &str, right: impl Fn(&str) -> bool) {
        let until = Instant::now() + PATIENCE;
        let mut looks = interval(Duration::from_millis(100));
        loop {
            looks.tick().await;
            let shown = self.shown();
            if right(&shown) {
                return;
            }
            assert!(Instant::now() < until, "{} waited for {what:?}:\n{shown}", self.who);
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _gone = self.tmux().arg("kill-server").output();
    }
}

/// Makes an account by the form, and is online.
async fn register(screen: &Screen) {
    screen.shows("Sign in").await;
    screen.press(&["F2"]);
    screen.shows("Make an account").await;
    screen.write(screen.who);
    screen.write(&format!("{}@example.org", screen.who));
    screen.write("correct horse battery");
    screen.shows("● online").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_people_talk_over_power_cuts() {
    let mut world = World::new().await;
    let ada = Screen::open(&world, "ada");
    register(&ada).await;
    assert!(!ada.shown().contains("horse"), "the password is not shown");
    let bob = Screen::open(&world, "bob");
    register(&bob).await;

    ada.write("/to @bob");
    ada.shows("@bob  bob").await;
    ada.write("message-one");
    bob.shows("@ada").await;
    bob.press(&["Tab"]);
    bob.shows("message-one").await;
    bob.write("message-two 日本語 👍");
    ada.shows("message-two 日本語 👍").await;

    world.service.kill();
    for screen in [&ada, &bob] {
        screen.looks("its state", |shown| !shown.contains("● online")).await;
    }
    ada.write("message-three");
    ada.shows(" to send").await;
    bob.write("message-four");
    bob.shows(" to send").await;
    world.service.restart().await;
    for screen in [&ada, &bob] {
        screen.shows("● online").await;
    }
    bob.write("message-five");
    ada.shows("message-five").await;
    // Once more, while somebody writes.
    ada.write("message-six");
    world.power_cut().await;
    bob.shows("message-six").await;
    bob.write("message-seven");

    let texts = ["one", "two", "three", "four", "five", "six", "seven"];
    for screen in [&ada, &bob] {
        let once = |shown: &str| {
            let all_sent = shown.contains("● online") && !shown.contains("to send");
            let times = |text: &&str| shown.matches(&format!("message-{text}")).count() == 1;
            all_sent && texts.iter().all(times)
        };
        screen.looks("each message once", once).await;
    }

    // What was there is there again, without signing in, on a narrow screen too.
    ada.press(&["C-c"]);
    ada.shows("ended with 0").await;
    drop(ada);
    let mut client = world.client("ada", &[]);
    client.env("NO_COLOR", "1");
    let ada = Screen::open_with(&world, "ada", &client);
    ada.run(&["resize-window", "-t", "ada", "-x", "40", "-y", "16"]);
    ada.shows("message-seven").await;
    let raw = ada.run(&["capture-pane", "-p", "-e", "-t", "ada"]);
    let coloured = ["[38;", "[31m", "[32m", "[33m", "[36m"].iter().any(|code| raw.contains(code));
    assert!(!coloured, "{raw:?}");
    let once = |text: &str, shown: &str| shown.matches(&format!("message-{text}")).count() == 1;
    ada.looks("each message once", |shown| texts.iter().all(|text| once(text, shown))).await;
    ada.write("/sign-out");
    ada.shows("You are signed out").await;
    assert!(world.kept("ada").is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_reply_react_edit_and_find_people() {
    let world = World::new().await;
    let ada = Screen::open(&world, "ada");
    register(&ada).await;
    let bob = Screen::open(&world, "bob");
    register(&bob).await;

    ada.press(&["F2"]);
    ada.shows("People").await;
    ada.write("bob");
    ada.shows("@bob (bob)").await;
    ada.press(&["C-a"]);
    ada.shows("you asked").await;
    bob.shows("1 request (F2)").await;
    bob.press(&["F2"]);
    bob.shows("@ada (ada)").await;
    bob.press(&["C-a"]);
    ada.shows("friend").await;
    bob.press(&["Enter"]);
    bob.shows("@ada  ada  online").await;
    bob.write("shall we?");
    ada.press(&["Escape"]);
    let listed = |shown: &str| shown.contains("● @bob") && !shown.contains("People");
    ada.looks("the conversation in the list", listed).await;
    ada.press(&["Tab"]);
    ada.shows("bob  shall we?").await;

    // It ends by itself, so bob goes on until it is seen.
    let typing = |shown: &str| {
        bob.press(&["h"]);
        shown.contains("bob typing")
    };
    ada.looks("bob typing", typing).await;
    ada.press(&["Up"]);
    ada.shows("r reply").await;
    ada.press(&["r"]);
    ada.shows("Reply").await;
    ada.write("we shall");
    bob.shows("┌ bob: shall we?").await;
    ada.shows("ada  we shall").await;
    ada.press(&["Up"]);
    ada.press(&["e"]);
    ada.shows("Edit").await;
    ada.write(" indeed");
    bob.shows("we shall indeed (edited)").await;
    ada.press(&["Up", "+", "1"]);
    bob.shows("👍 1").await;
    ada.press(&["F1"]);
    ada.shows("Shift-Tab").await;
    Plain::start(&world, "ada", &[]).finds("indeed", "[@bob] 2 ada: we shall indeed").await;
    ada.press(&["F4"]);
    ada.shows("Search").await;
    ada.write("indeed");
    ada.shows("[@bob] ada: we shall indeed").await;
}
