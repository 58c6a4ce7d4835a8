//! The command line of Chatterbox. The exit status is 0 where all went well,
//! 1 where something failed, and 2 where an option is wrong.

use std::{
    fmt::Display,
    io::{self, Write},
    path::Path,
    process::ExitCode,
    time::Duration,
};

use chatterbox::{
    ambient::Ambient,
    api::{self, http::PartReport},
    app,
    bench::Benchmark,
    cli::{
        self, Bench, Chat, Cli, Command, DeadLetterAction, DeadLetters, Derived, Measured, Options,
        Rebuild,
    },
    config::{Config, ConfigError},
    error::chain,
    reconcile::Plan,
    telemetry::{self, Export},
};
use clap::{Args, Parser};
use mimalloc::MiMalloc;
use tokio::{
    runtime::{Builder, Runtime},
    signal::unix::{SignalKind, signal},
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// A request makes and drops a great many small values.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// How long the service may take to stop; those who run it wait for 10 seconds.
const STOP_TIME: Duration = Duration::from_millis(9_500);

/// How long the last spans may take.
const EXPORT_TIME: Duration = Duration::from_secs(1);
const OTLP_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// Why the process ends early.
enum Failure {
    /// An option is wrong.
    Usage(String),
    /// Something else went wrong.
    Other(String),
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::Usage(error.to_string())
    }
}

impl Failure {
    fn other(error: &(dyn std::error::Error + 'static)) -> Self {
        Self::Other(chain(error))
    }
}

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(Failure::Usage(message)) => failed(&message, 2),
        Err(Failure::Other(message)) => failed(&message, 1),
    }
}

fn failed(message: &str, status: u8) -> ExitCode {
    // Nobody is left to be told where this fails.
    let _told = writeln!(io::stderr().lock(), "error: {message}");
    ExitCode::from(status)
}

fn run() -> Result<ExitCode, Failure> {
    read_env_file()?;
    match Cli::parse().command {
        Command::Serve(serve) => self::serve(Config::new(serve.options)?, serve.demo),
        Command::Migrate(options) => migrate(start(options)?),
        Command::Check(options) => check(start(options)?),
        Command::Schema => print(api::graphql::sdl().trim_end()),
        Command::DeadLetters(DeadLetters { action, id, options }) => {
            dead_letters(start(options)?, action, id.unwrap_or_default())
        }
        Command::Rebuild(Rebuild { what: Derived::LastChatted, options }) => {
            rebuild_last_chatted(start(options)?)
        }
        Command::Chat(options) => chat(options),
        Command::Reconcile(wanted) => {
            let plan = wanted.plan();
            reconcile(start(wanted.options)?, plan)
        }
        Command::Bench(bench) => match bench {
            Bench::Graph(measured) => self::bench(&runtime()?, measured),
            Bench::Send(measured) => self::bench(&one_thread()?, measured),
            Bench::Fanout(measured) => self::bench(&one_thread()?, measured),
            Bench::Idle(measured) => self::bench(&one_thread()?, measured),
            Bench::Resume(measured) => self::bench(&one_thread()?, measured),
            Bench::Query(measured) => self::bench(&one_thread()?, measured),
            Bench::Page(measured) => self::bench(&one_thread()?, measured),
        },
    }
}

/// Reads `.env` in the working folder, before anything else runs: from then on
/// the environment stays as it is.
fn read_env_file() -> Result<(), Failure> {
    match dotenvy::from_path(Path::new(".env")) {
        Ok(()) => Ok(()),
        Err(error) if error.not_found() => Ok(()),
        // The line may hold a secret.
        Err(dotenvy::Error::LineParse(..)) => {
            Err(Failure::Usage("the file .env has a line that is not NAME=value".to_owned()))
        }
        Err(error) => Err(Failure::Usage(format!("can't read the file .env: {error}"))),
    }
}

fn start(options: Options) -> Result<Config, Failure> {
    let config = Config::new(options)?;
    begin_log(&config, None)?;
    Ok(config)
}

fn begin_log(config: &Config, export: Option<&Export>) -> Result<(), Failure> {
    telemetry::log(&config.log, config.log_format, export)
        .map_err(|error| Failure::other(&error))?;
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    for variable in cli::unknown_variables(names) {
        warn!(variable, "an environment variable that is no option of this version");
    }
    Ok(())
}

/// What exports spans, where there is a collector: ours, or that of the
/// standard's variable (OpenTelemetry, "Endpoint URLs for OTLP/HTTP").
fn export(config: &Config) -> Result<Option<Export>, Failure> {
    let standard = std::env::var(OTLP_ENDPOINT).ok().filter(|url| !url.is_empty());
    let standard = standard.map(|url| cli::plain_url(&url)).transpose();
    let standard = standard.map_err(|wrong| Failure::Usage(format!("{OTLP_ENDPOINT}: {wrong}")))?;
    let endpoint = config.otlp_endpoint.clone().or(standard);
    let export = endpoint.map(|endpoint| Export::to(&endpoint, Ambient::system()));
    export.transpose().map_err(|error| Failure::other(&error))
}

fn runtime() -> Result<Runtime, Failure> {
    Runtime::new().map_err(|error| Failure::other(&error))
}

/// For what shares the machine with the service that it measures: threads that
/// wake each other would take more of it.
fn one_thread() -> Result<Runtime, Failure> {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Failure::other(&error))
}

fn serve(config: Config, demo: bool) -> Result<ExitCode, Failure> {
    let export = export(&config)?;
    begin_log(&config, export.as_ref())?;
    let runtime = runtime()?;
    let stop = CancellationToken::new();
    let result = runtime.block_on(async {
        tokio::spawn(stop_by_signal(stop.clone())?);
        tokio::select! {
            result = serve_and_export(config, demo, stop.clone(), export) => {
                result.map_err(|error| Failure::other(&error))
            }
            () = overdue(stop) => {
                warn!("stopped without waiting any longer");
                Ok(())
            }
        }
    });
    runtime.shutdown_background();
    result.map(|()| ExitCode::SUCCESS)
}

/// Serves until `stop`; what ended last is exported too.
async fn serve_and_export(
    config: Config,
    demo: bool,
    stop: CancellationToken,
    export: Option<Export>,
) -> chatterbox::error::Result<()> {
    let done = CancellationToken::new();
    let exporting = export.map(|export| tokio::spawn(export.run(done.clone())));
    let result = app::serve(config, demo, stop).await;
    done.cancel();
    if let Some(exporting) = exporting
        && timeout(EXPORT_TIME, exporting).await.is_err()
    {
        warn!("stopped without exporting the last spans");
    }
    result
}

/// Cancels `stop` with SIGTERM or SIGINT; with a second one the process ends
/// at once.
fn stop_by_signal(stop: CancellationToken) -> Result<impl Future<Output = ()>, Failure> {
    let signal = |kind| signal(kind).map_err(|error| Failure::other(&error));
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if stop.is_cancelled() {
                std::process::exit(1);
            }
            info!("stopping");
            stop.cancel();
        }
    })
}

async fn overdue(stop: CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(STOP_TIME).await;
}

fn migrate(config: Config) -> Result<ExitCode, Failure> {
    runtime()?.block_on(app::migrate(config)).map_err(|error| Failure::other(&error))?;
    Ok(ExitCode::SUCCESS)
}

fn dead_letters(config: Config, action: DeadLetterAction, id: String) -> Result<ExitCode, Failure> {
    let said = runtime()?.block_on(app::dead_letters(config, action, id));
    print(said.map_err(|error| Failure::other(&error))?)
}

/// The runtime is not waited for: a thread of it may be reading standard input.
fn chat(options: Chat) -> Result<ExitCode, Failure> {
    let password = password(&options)?;
    let runtime = runtime()?;
    let outcome = runtime.block_on(chatterbox::chat::run(options, password));
    runtime.shutdown_background();
    outcome.map_err(|error| Failure::other(&error))?;
    Ok(ExitCode::SUCCESS)
}

fn password(options: &Chat) -> Result<Option<String>, Failure> {
    let Some(path) = &options.password_file else {
        return Ok(std::env::var(cli::PASSWORD).ok().filter(|password| !password.is_empty()));
    };
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::Usage(format!("--password-file: can't read {}: {error}", path.display()))
    })?;
    Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
}

fn rebuild_last_chatted(config: Config) -> Result<ExitCode, Failure> {
    let said = runtime()?.block_on(app::rebuild_last_chatted(config));
    print(said.map_err(|error| Failure::other(&error))?)
}

fn reconcile(config: Config, plan: Plan) -> Result<ExitCode, Failure> {
    let report = runtime()?.block_on(app::reconcile(config, plan));
    let report = report.map_err(|error| Failure::other(&error))?;
    print(&report)?;
    Ok(if report.left == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn bench(
    runtime: &Runtime,
    Measured { what, options }: Measured<impl Args + Benchmark>,
) -> Result<ExitCode, Failure> {
    let said = runtime.block_on(what.run(start(options)?));
    print(said.map_err(|error| Failure::other(&error))?)
}

fn check(config: Config) -> Result<ExitCode, Failure> {
    let reports =
        runtime()?.block_on(app::check(config)).map_err(|error| Failure::other(&error))?;
    let lines: Vec<_> = reports.iter().map(line).collect();
    print(lines.join("\n"))?;
    let well = reports.iter().all(|report| report.outcome.is_ok());
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn line(report: &PartReport) -> String {
    let millis = report.took.as_secs_f64() * 1e3;
    let (state, text) = match &report.outcome {
        Ok(version) => ("ok", version.as_str()),
        Err(class) => ("failed", *class),
    };
    format!("{:<8} {state:<8} {millis:>8.1} ms  {text}", report.name)
}

fn print(text: impl Display) -> Result<ExitCode, Failure> {
    match writeln!(io::stdout().lock(), "{text}") {
        // Whoever was reading has read enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::other(&error)),
        _ => Ok(ExitCode::SUCCESS),
    }
}
