//! The command line.

use crate::bootstrap::PROFILE;
use crate::config::{Config, LogFormat, Options};
use crate::run::{self, Assembly, Mode};
use anyhow::{Context as _, Result, bail};
use clap::{Parser, Subcommand};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// Exit code of a mistake of whoever started the program.
const USAGE: u8 = 2;

#[derive(Parser)]
#[command(
    name = "vestibule",
    version,
    about = "Single sign-on and account governance that speaks the AWS protocols",
    max_term_width = 100
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server until Ctrl-C or SIGTERM
    Serve(Configured),
    /// Check the configuration and say what would be served
    CheckConfig(Configured),
    /// Print how many operations of each service are served
    ApiCoverage {
        /// Name every operation that is not served
        #[arg(long)]
        missing: bool,
        /// Write docs/compatibility.md: every operation, and how it differs from AWS
        #[arg(long, conflicts_with = "missing")]
        markdown: bool,
    },
    /// Make a backup of a server, which may run meanwhile: one file with everything that it needs to come back
    Backup {
        #[command(flatten)]
        choices: crate::backup::Choices,
        #[command(flatten)]
        configured: Configured,
    },
    /// Put a backup into a data directory that is absent or empty
    Restore {
        /// The file that `vestibule backup` made
        file: PathBuf,
        #[command(flatten)]
        configured: Configured,
    },
    /// Look at background jobs
    Jobs {
        #[command(subcommand)]
        command: Jobs,
    },
    /// Enable, describe, configure or delete IAM Identity Center
    IdentityCenter(crate::cli_admin::IdentityCenter),
    /// Passwords, status and sessions of the users of IAM Identity Center
    User(crate::cli_admin::User),
    /// Let tools in without a browser
    Device(crate::cli_admin::Device),
    /// The service account of connected directories
    Directory(crate::cli_admin::Directory),
    /// Show the mail that was written
    Outbox(crate::cli_admin::Outbox),
    /// Print the OpenAPI document of the administration API
    Openapi,
    /// Evaluate and validate policies, offline
    Policy {
        #[command(subcommand)]
        command: crate::cli_policy::Policy,
    },
}

#[derive(clap::Args)]
struct Configured {
    /// TOML file with the same keys as the flags
    #[arg(long, env = "VESTIBULE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    options: Options,
}

#[derive(Subcommand)]
enum Jobs {
    /// List the jobs that wait, run or were given up
    List {
        #[command(flatten)]
        configured: Configured,
    },
    /// Try a job again that was given up
    Retry {
        #[command(flatten)]
        configured: Configured,
        /// The job's id
        id: String,
    },
}

/// Runs the program.
pub fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Serve(arguments) => serve(arguments),
        Command::CheckConfig(configured) => check_config(configured),
        Command::ApiCoverage { missing, markdown } => {
            let text = if markdown { crate::coverage::markdown() } else { crate::coverage::report(missing) };
            print!("{text}");
            Ok(ExitCode::SUCCESS)
        }
        Command::Backup { choices, configured } => back_up(configured, &choices),
        Command::Restore { file, configured } => restore(configured, &file),
        Command::Jobs { command } => jobs(command),
        Command::IdentityCenter(command) => command.run(),
        Command::User(command) => command.run(),
        Command::Device(command) => command.run(),
        Command::Directory(command) => command.run(),
        Command::Outbox(command) => command.run(),
        Command::Openapi => {
            print!("{}", crate::openapi::document());
            Ok(ExitCode::SUCCESS)
        }
        Command::Policy { command } => crate::cli_policy::run(command),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("vestibule: {}", format!("{error:#}").split_whitespace().collect::<Vec<_>>().join(" "));
        ExitCode::from(USAGE)
    })
}

fn configuration(configured: Configured) -> Result<Config> {
    configured.options.with_file(configured.config.as_deref())?.checked()
}

fn check_config(configured: Configured) -> Result<ExitCode> {
    let config = configuration(configured)?;
    if let Some(files) = config.tls.clone() {
        crate::tls::Tls::new(files)?;
    }
    if let Some(file) = config.oidc_ca_file.clone() {
        crate::provider_keys::AuthorityFile::new(file)?;
    }
    crate::mail::Mailer::new(config.smtp_url.as_deref(), config.mail_from.as_deref())?;
    println!("The configuration is valid.");
    println!("  listen    {}", config.listen);
    println!("  base URL  {}", config.settings.base_url);
    println!("  region    {}", config.settings.region);
    match &config.database_url {
        Some(_) => println!("  database  PostgreSQL, {} connections", config.database_connections),
        None => println!("  database  SQLite in {}", config.data.display()),
    }
    if config.directories.allows_plain_ldap {
        println!("  warning   passwords may go to directories over plain LDAP (--directory-allow-plain-ldap)");
    }
    Ok(ExitCode::SUCCESS)
}

fn serve(configured: Configured) -> Result<ExitCode> {
    let config = configuration(configured)?;
    start_logging(&config)?;
    let mode = if config.is_ephemeral { Mode::Ephemeral } else { Mode::Durable };
    run::serve(&config, mode, |assembly, config| {
        if config.is_demo {
            crate::demo::seed(assembly).context("--demo")?;
        }
        announce(assembly, config, mode);
        Ok(())
    })?;
    Ok(ExitCode::SUCCESS)
}

fn start_logging(config: &Config) -> Result<()> {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_new(&config.log).with_context(|| format!("--log {}", config.log))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match config.log_format {
        LogFormat::Json => builder.json().flatten_event(true).init(),
        LogFormat::Text => builder.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).init(),
    }
    Ok(())
}

/// Says where everything is.
fn announce(assembly: &Assembly, config: &Config, mode: Mode) {
    let mut text = String::new();
    let base = &config.settings.base_url;
    let _ = writeln!(text, "Vestibule {} is ready.", env!("CARGO_PKG_VERSION"));
    text.push('\n');
    let _ = writeln!(text, "  API endpoint    {base}");
    let _ = writeln!(text, "  Portal          {base}/start");
    let _ = writeln!(text, "  Console         {base}/console");
    if config.listen.ip().is_unspecified() && crate::config::is_local(base) {
        let _ = writeln!(
            text,
            "                  (for other machines, start it with --base-url and a name that they reach)"
        );
    }
    if let Some(bootstrap) = &assembly.bootstrap {
        let _ = writeln!(text, "  Account         {}", bootstrap.management_account_id);
        let _ = writeln!(text, "  Sign-in name    {}", bootstrap.admin.user_name);
    }
    let data = std::path::absolute(&config.data).unwrap_or_else(|_| config.data.clone());
    if mode == Mode::Durable || config.has_data {
        let _ = writeln!(text, "  Password        in {}", data.join("bootstrap.json").display());
    }
    if mode == Mode::Durable {
        let aws = data.join("aws");
        text.push('\n');
        let _ = writeln!(text, "For the AWS CLI:");
        text.push('\n');
        let _ = writeln!(
            text,
            "  export AWS_CONFIG_FILE={} AWS_SHARED_CREDENTIALS_FILE={}",
            quoted(&aws.join("config")),
            quoted(&aws.join("credentials"))
        );
        let _ = writeln!(text, "  export AWS_PROFILE={PROFILE}");
    }
    if let Some(address) = config.aws_hosts {
        let bundle = data.join(crate::aws_hosts::CERTIFICATE_FILE);
        text.push('\n');
        let _ = writeln!(text, "For clients that know only AWS's own host names:");
        text.push('\n');
        let _ = writeln!(text, "  export HTTPS_PROXY=http://{address}");
        let _ = writeln!(text, "  export AWS_CA_BUNDLE={}", quoted(&bundle));
    }
    text.push('\n');
    // Whoever started the server may have stopped reading what it prints.
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// A path as a POSIX shell takes it.
fn quoted(path: &std::path::Path) -> String {
    let text = path.display().to_string();
    let is_plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._-".contains(&b));
    if is_plain { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

fn back_up(configured: Configured, choices: &crate::backup::Choices) -> Result<ExitCode> {
    println!("{}", crate::backup::back_up(&configuration(configured)?, choices)?);
    Ok(ExitCode::SUCCESS)
}

fn restore(configured: Configured, file: &std::path::Path) -> Result<ExitCode> {
    println!("{}", crate::backup::put_back(&configuration(configured)?, file)?);
    Ok(ExitCode::SUCCESS)
}

fn jobs(command: Jobs) -> Result<ExitCode> {
    let open = |configured| crate::bootstrap::open_existing_store(&configuration(configured)?);
    match command {
        Jobs::List { configured } => {
            let store = open(configured)?;
            let jobs = store.read(kernel::job::list)?;
            println!("{:<36}  {:<8}  {:>3}  {:<20}  {:<34}  KEY", "ID", "STATE", "TRY", "DUE", "KIND");
            for job in jobs {
                let due = job.run_at.iso8601();
                println!(
                    "{:<36}  {:<8}  {:>3}  {due:<20}  {:<34}  {}",
                    job.id, job.state, job.attempt, job.kind, job.key
                );
                if let Some(error) = job.last_error {
                    println!("    {error}");
                }
            }
        }
        Jobs::Retry { configured, id } => {
            let store = open(configured)?;
            let now = base::Clock::now(&base::SystemClock);
            if !store.write(|tx| kernel::job::retry(tx, &id, now), |_| {})? {
                bail!("no job that was given up has the id {id}; `vestibule jobs list` shows them");
            }
            println!("The job waits to be tried again.");
        }
    }
    Ok(ExitCode::SUCCESS)
}
