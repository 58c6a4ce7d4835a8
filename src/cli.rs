//! The command line. Every option is a flag and an environment variable; both
//! are shown, with their default, by `--help`.

mod bench;
mod chat;
mod grpc;
mod options;
mod rates;
mod upkeep;

use clap::{Args, CommandFactory, Parser, Subcommand, builder::FalseyValueParser};

pub use bench::{
    Bench, FanoutBench, GraphBench, IdleBench, Measured, PageBench, QueryBench, Question,
    ResumeBench, Running, RunningNodes, SendBench, plain_url,
};
pub use chat::Chat;
pub use grpc::{Grpc, Listen};
pub use options::{Logging, Options};
pub use rates::Rates;
pub use upkeep::{DeadLetterAction, DeadLetters, Derived, OlderStore, Rebuild, Reconcile};

/// The chat backend that knows who knows whom.
///
/// A file named `.env` in the working folder is read first; what is already
/// in the environment wins over it, and a flag over both.
#[derive(Debug, Parser)]
#[command(name = "chatterbox", version, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the service; the stores are brought to the current schema first.
    Serve(Serve),
    /// Bring the stores to the current schema, and end. Safe to repeat, and
    /// on two nodes at once.
    Migrate(Options),
    /// Say for each part whether it answers, its version and how long it took.
    /// The exit status is 1 if one does not.
    Check(Options),
    /// Print the API's schema (GraphQL SDL).
    Schema,
    /// Talk: a client in the terminal.
    Chat(Chat),
    /// See to what could not be carried out after all retries.
    DeadLetters(DeadLetters),
    /// Derive anew what is derived. Safe to repeat, and while the service runs.
    Rebuild(Rebuild),
    /// Compare SQL with the graph, and bring the older one after the other, as after a restore.
    /// The exit status is 1 where they differ still. Stop the service first.
    Reconcile(Reconcile),
    /// Measure how fast it is.
    #[command(subcommand)]
    Bench(Bench),
}

/// The options of `serve`.
#[derive(Debug, Args)]
pub struct Serve {
    /// Fill empty stores with the demo town.
    #[arg(long, env = "CHATTERBOX_DEMO", value_parser = FalseyValueParser::new())]
    pub demo: bool,
    /// What the other commands also understand.
    #[command(flatten)]
    pub options: Options,
}

/// What the commands that touch the stores understand, so that one
/// How the variables begin that only the tests read.
const FOR_TESTS: &str = "CHATTERBOX_TEST_";
/// What `chat` reads, and what no option may carry: others would see it.
pub const PASSWORD: &str = "CHATTERBOX_PASSWORD";

/// The variables in the environment that look like options but are none,
/// sorted: mistyped ones, or those of another version.
#[must_use]
pub fn unknown_variables(names: impl IntoIterator<Item = String>) -> Vec<String> {
    let root = Cli::command();
    let known: Vec<_> = root
        .get_subcommands()
        .flat_map(|command| command.get_arguments())
        .filter_map(|argument| argument.get_env())
        .collect();
    let ours = names
        .into_iter()
        .filter(|name| name.starts_with("CHATTERBOX_") && !name.starts_with(FOR_TESTS));
    let strange = |name: &String| !known.contains(&name.as_ref()) && name != PASSWORD;
    let mut unknown: Vec<_> = ours.filter(strange).collect();
    unknown.sort();
    unknown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(arguments: &[&str]) -> clap::Error {
        let line = ["chatterbox", "serve"].iter().chain(arguments);
        Cli::try_parse_from(line).expect_err("refused")
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_wrong_value_names_its_option_and_what_is_accepted() {
        for (option, value, accepted) in [
            ("--listen", "localhost", "an IP address and a port"),
            ("--grpc-listen", "8081", "an IP address and a port"),
            ("--mail-from", "nobody", "a mailbox"),
            ("--public-url", "chat.example.org", "https://chat.example.org"),
            ("--public-url", "https://me@chat.example.org", "without user"),
            ("--allowed-origin", "https://a.example/path", "several separated by commas"),
            ("--trusted-proxy", "proxy.example", "several separated by commas"),
            ("--trusted-proxy", "10.0.0.0/33", "10.0.0.0/8"),
            ("--rate-limits", "maybe", "possible values: on, off"),
            ("--message-rate", "fast", "'20/s:60'"),
            ("--message-rate", "0/s", "1 to 100,000 times"),
            ("--sign-in-tries", "10", "'10/15m'"),
            ("--sign-in-tries", "10/15m:20", "1 second to 1 day"),
            ("--verify-email", "maybe", "possible values: required, off"),
            ("--access-token-ttl", "9s", "from '10s' to '24h'"),
            ("--access-token-ttl", "2d", "from '10s' to '24h'"),
            ("--access-token-ttl", "soon", "from '10s' to '24h'"),
            ("--log", "info,=[", "accepted are levels"),
            ("--log-format", "xml", "possible values: text, json"),
            ("--otlp-endpoint", "https://collector.example", "http://127.0.0.1:8080"),
        ] {
            let error = refusal(&[option, value]);
            let text = error.to_string();
            assert_eq!(error.exit_code(), 2, "{text}");
            assert!(text.contains(option) && text.contains(accepted), "{text}");
        }
    }

    #[test]
    fn a_secret_and_its_file_exclude_each_other() {
        for option in ["--sql-url", "--graph-url", "--signing-key"] {
            let error = refusal(&[option, "hunter2", &format!("{option}-file"), "/tmp/x"]);
            let text = error.to_string();
            assert_eq!(error.kind(), clap::error::ErrorKind::ArgumentConflict);
            assert!(text.contains(option) && !text.contains("hunter2"), "{text}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let cli = Cli::try_parse_from([
            "chatterbox",
            "check",
            "--sql-url=mysql://me:hunter2@localhost/chat",
            "--graph-url=bolt://me:hunter2@localhost",
            "--bus-url=nats://me:hunter2@localhost",
            "--signing-key=hunter2",
        ])
        .expect("understood");
        assert!(!format!("{cli:?} {cli:#?}").contains("hunter2"));
    }

    #[test]
    fn values_that_may_be_secret_are_hidden_in_the_help() {
        for command in Cli::command().get_subcommands() {
            for argument in command.get_arguments() {
                let name = argument.get_id().as_str();
                let may_be_secret = ["_url", "_key"].iter().any(|end| name.ends_with(end));
                let public = name == "public_url";
                assert_eq!(argument.is_hide_env_values_set(), may_be_secret && !public, "{name}");
            }
        }
    }

    #[test]
    fn every_option_has_a_variable_of_its_own_name() {
        let serve = Cli::command().find_subcommand("serve").expect("there").clone();
        for argument in serve.get_arguments() {
            let id = argument.get_id().as_str().to_uppercase();
            let variable = argument.get_env().expect("a variable");
            assert_eq!(variable.to_string_lossy(), format!("CHATTERBOX_{id}"));
        }
    }

    #[test]
    fn mistyped_variables_are_found() {
        let names = [
            "PATH",
            "CHATTERBOX_SQL_URL_FILE",
            "CHATTERBOX_SQLURL",
            "CHATTERBOX_A",
            "CHATTERBOX_TEST_A",
            PASSWORD,
        ];
        let unknown = unknown_variables(names.map(str::to_owned));
        assert_eq!(unknown, ["CHATTERBOX_A", "CHATTERBOX_SQLURL"]);
    }
}
