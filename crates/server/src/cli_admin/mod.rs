//! Administration from the command line: `vestibule identity-center`, `user`, `device`, `directory` and `outbox`. Every command is
//! a call of the product's own API, with the keys and the endpoint of the ordinary AWS environment.

mod client;
mod directory;
mod environment;
mod link;
mod print;
mod source;

pub use directory::Directory;

use anyhow::{Context as _, Result, bail};
use clap::{Subcommand, ValueEnum};
use client::{Client, Failure};
use environment::{Chosen, Environment};
use model::vestibule::{self as shapes, ops};
use smithy::schema::{Operation, Shape};
use std::io::{Read as _, Write as _};
use std::process::ExitCode;

/// Longest password that is read, in bytes.
const PASSWORD_BYTES_MAX: u64 = 4_096;
/// Messages of the outbox that are asked for at once.
const MAIL_PAGE: i32 = 100;

/// How to call, and how to print what comes back.
#[derive(clap::Args)]
pub struct Common {
    #[command(flatten)]
    chosen: Chosen,
    /// Print the answer as JSON
    #[arg(long, global = true)]
    json: bool,
    /// ARN of the instance, where the account has more than one [default: the organization's]
    #[arg(long, value_name = "ARN", global = true)]
    instance_arn: Option<String>,
}

/// `vestibule identity-center …`
#[derive(clap::Args)]
pub struct IdentityCenter {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: IdentityCenterCommand,
}

#[derive(Subcommand)]
enum IdentityCenterCommand {
    /// Enable IAM Identity Center in the organization
    Enable,
    /// Show the instance: its addresses, its identity source, its settings
    Describe,
    /// Change settings; those that are not named stay
    Settings(Settings),
    /// Show what a change of the identity source would keep and lose
    PlanIdentitySource(source::Source),
    /// Say where the users come from; deletes all users and groups
    SetIdentitySource {
        #[command(flatten)]
        source: source::Source,
        /// Delete all users and groups with their assignments
        #[arg(long)]
        accept: bool,
    },
    /// Choose users and groups of the directory, and look after their synchronization
    #[command(subcommand)]
    Sync(source::SyncCommand),
    /// Delete the instance of --instance-arn: its users, permission sets, assignments and the roles in accounts
    Delete,
}

#[derive(clap::Args)]
struct Settings {
    /// Life of a session in the portal, in minutes: 15 to 129600; counts for new sessions
    #[arg(long, value_name = "MINUTES")]
    session_minutes: Option<i32>,
    /// How long a browser may rest before one must sign in anew, in minutes: 15 to 129600; tools go on
    #[arg(long, value_name = "MINUTES")]
    idle_minutes: Option<i32>,
    /// Name in the start URL instead of the id; can be chosen once
    #[arg(long, value_name = "NAME")]
    portal_alias: Option<String>,
    /// Whether member accounts may have instances of their own
    #[arg(long, value_name = "WHETHER")]
    account_instances: Option<Permitted>,
    /// Whether administrators may approve a device for a user (`vestibule device approve`)
    #[arg(long, value_name = "WHETHER")]
    device_approval: Option<Permitted>,
}

/// Whether something may be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Permitted {
    /// It may
    Allow,
    /// It may not
    Block,
}

/// `vestibule user …`
#[derive(clap::Args)]
pub struct User {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: UserCommand,
}

#[derive(Subcommand)]
enum UserCommand {
    /// Give a user a password: a new one-time password, unless one is given on standard input; sessions go on
    SetPassword {
        /// Name or id of the user
        user: String,
        /// The password must be replaced at the next sign-in, also one of --password-stdin
        #[arg(long)]
        one_time: bool,
        /// Read the password from standard input; it stays until the user changes it
        #[arg(long)]
        password_stdin: bool,
    },
    /// Send a new user a mail with a link to choose the first password, good for seven days
    Invite {
        /// Name or id of the user
        user: String,
    },
    /// Send a user a mail with a link to choose another password, good for one hour; the present one counts until then
    ResetPassword {
        /// Name or id of the user
        user: String,
    },
    /// Send a user a mail with a link by which the address is verified
    VerifyEmail {
        /// Name or id of the user
        user: String,
        /// Send nothing: say whether the present address is verified
        #[arg(long)]
        status: bool,
    },
    /// Let a user sign in again
    Enable {
        /// Name or id of the user
        user: String,
    },
    /// Keep a user from signing in, and end what the user has open
    Disable {
        /// Name or id of the user
        user: String,
    },
    /// List the sessions of a user
    Sessions {
        /// Name or id of the user
        user: String,
    },
    /// End the sessions of a user
    EndSessions {
        /// Name or id of the user
        user: String,
        /// Only this session
        #[arg(long, value_name = "ID")]
        session: Option<String>,
    },
}

/// `vestibule device …`
#[derive(clap::Args)]
pub struct Device {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: DeviceCommand,
}

#[derive(Subcommand)]
enum DeviceCommand {
    /// Let the tool that shows CODE in as a user, without a browser: for CI, and only where the settings allow it
    Approve {
        /// The code that the tool shows
        code: String,
        /// Name or id of the user
        #[arg(long)]
        user: String,
    },
}

/// `vestibule outbox`
#[derive(clap::Args)]
pub struct Outbox {
    #[command(flatten)]
    common: Common,
}

/// What a command came to: an answer as JSON and as text for people.
struct Answer {
    json: Vec<u8>,
    text: String,
}

impl Answer {
    fn new(output: &dyn Shape, text: String) -> Self {
        let mut json = Vec::new();
        smithy::json::write(output, &mut json);
        Self { json, text }
    }
}

/// Runs a command; the exit code is 1 when the server refuses or cannot be reached.
///
/// # Errors
/// When the command cannot be sent as it was given.
fn run(common: &Common, command: impl FnOnce(&Caller<'_>) -> Result<Answer>) -> Result<ExitCode> {
    let caller = Caller { client: Client::new(Environment::read(&common.chosen)?), common };
    let answer = match command(&caller) {
        Ok(answer) => answer,
        Err(error) if error.is::<Failure>() => {
            eprintln!("vestibule: {}", error.to_string().split_whitespace().collect::<Vec<_>>().join(" "));
            return Ok(ExitCode::FAILURE);
        }
        Err(error) => return Err(error),
    };
    let text = match common.json {
        true => {
            let value: serde_json::Value = serde_json::from_slice(&answer.json).context("the answer is not JSON")?;
            format!("{value:#}\n")
        }
        false => answer.text,
    };
    // Whoever started the command may have stopped reading what it prints.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(ExitCode::SUCCESS)
}

struct Caller<'a> {
    client: Client,
    common: &'a Common,
}

impl Caller<'_> {
    fn call<O: Operation>(&self, input: &O::In) -> Result<O::Out> {
        Ok(self.client.call::<O>(input)?)
    }

    fn instance_arn(&self) -> Option<String> {
        self.common.instance_arn.clone()
    }
}

impl IdentityCenter {
    /// Runs the command.
    ///
    /// # Errors
    /// As [`run`].
    pub fn run(self) -> Result<ExitCode> {
        let command = self.command;
        run(&self.common, |caller| match command {
            IdentityCenterCommand::Enable => {
                let output = caller.call::<ops::EnableIdentityCenter>(&shapes::EnableIdentityCenterRequest {})?;
                Ok(Answer::new(&output, print::identity_center(output.identity_center.as_ref())))
            }
            IdentityCenterCommand::Describe => {
                let input = shapes::DescribeIdentityCenterRequest { instance_arn: caller.instance_arn() };
                let output = caller.call::<ops::DescribeIdentityCenter>(&input)?;
                Ok(Answer::new(&output, print::identity_center(output.identity_center.as_ref())))
            }
            IdentityCenterCommand::Settings(settings) => {
                let input = settings.input(caller.instance_arn())?;
                let output = caller.call::<ops::UpdateIdentityCenterSettings>(&input)?;
                Ok(Answer::new(&output, print::identity_center(output.identity_center.as_ref())))
            }
            IdentityCenterCommand::PlanIdentitySource(source) => source::plan(caller, source),
            IdentityCenterCommand::SetIdentitySource { source, accept } => source::set(caller, source, accept),
            IdentityCenterCommand::Sync(command) => source::sync(caller, command),
            IdentityCenterCommand::Delete => {
                let instance_arn = caller.instance_arn();
                let instance_arn = instance_arn
                    .context("say which instance is to be deleted, with everything in it: --instance-arn")?;
                let input = shapes::DeleteIdentityCenterRequest { instance_arn: instance_arn.clone() };
                let output = caller.call::<ops::DeleteIdentityCenter>(&input)?;
                Ok(Answer::new(&output, format!("{instance_arn} is being deleted.\n")))
            }
        })
    }
}

impl Settings {
    fn input(self, instance_arn: Option<String>) -> Result<shapes::UpdateIdentityCenterSettingsRequest> {
        let allows = |permitted: Option<Permitted>| permitted.map(|permitted| permitted == Permitted::Allow);
        let input = shapes::UpdateIdentityCenterSettingsRequest {
            instance_arn,
            session_duration_minutes: self.session_minutes,
            session_idle_minutes: self.idle_minutes,
            portal_alias: self.portal_alias,
            account_instances_allowed: allows(self.account_instances),
            device_approval_allowed: allows(self.device_approval),
        };
        let is_empty = input.session_duration_minutes.is_none()
            && input.session_idle_minutes.is_none()
            && input.portal_alias.is_none()
            && input.account_instances_allowed.is_none()
            && input.device_approval_allowed.is_none();
        if is_empty {
            bail!("name a setting: `vestibule identity-center settings --help` lists them");
        }
        Ok(input)
    }
}

impl User {
    /// Runs the command.
    ///
    /// # Errors
    /// As [`run`].
    pub fn run(self) -> Result<ExitCode> {
        let command = self.command;
        run(&self.common, |caller| match command {
            UserCommand::SetPassword { user, one_time, password_stdin } => {
                set_password(caller, user, one_time, password_stdin)
            }
            UserCommand::Invite { user } => link::password(caller, user, shapes::PasswordLinkPurpose::Invitation),
            UserCommand::ResetPassword { user } => {
                link::password(caller, user, shapes::PasswordLinkPurpose::PasswordReset)
            }
            UserCommand::VerifyEmail { user, status: false } => link::verification(caller, user),
            UserCommand::VerifyEmail { user, status: true } => link::verification_status(caller, user),
            UserCommand::Enable { user } => set_status(caller, user, shapes::UserStatus::Enabled),
            UserCommand::Disable { user } => set_status(caller, user, shapes::UserStatus::Disabled),
            UserCommand::Sessions { user } => {
                let input = shapes::ListUserSessionsRequest { instance_arn: caller.instance_arn(), user };
                let output = caller.call::<ops::ListUserSessions>(&input)?;
                let text = print::sessions(output.sessions.as_deref().unwrap_or_default());
                Ok(Answer::new(&output, text))
            }
            UserCommand::EndSessions { user, session: None } => {
                let input = shapes::DeleteUserSessionsRequest { instance_arn: caller.instance_arn(), user };
                let output = caller.call::<ops::DeleteUserSessions>(&input)?;
                let text = format!("{} sessions have ended.\n", output.deleted_count.unwrap_or_default());
                Ok(Answer::new(&output, text))
            }
            UserCommand::EndSessions { user, session: Some(session_id) } => {
                let instance_arn = caller.instance_arn();
                let input = shapes::DeleteUserSessionRequest { instance_arn, user, session_id };
                let output = caller.call::<ops::DeleteUserSession>(&input)?;
                Ok(Answer::new(&output, "The session has ended.\n".to_owned()))
            }
        })
    }
}

fn set_password(caller: &Caller<'_>, user: String, one_time: bool, password_stdin: bool) -> Result<Answer> {
    let password = password_stdin.then(password_of_stdin).transpose()?;
    let input = shapes::SetUserPasswordRequest {
        instance_arn: caller.instance_arn(),
        one_time: Some(one_time || !password_stdin),
        password,
        user: user.clone(),
    };
    let output = caller.call::<ops::SetUserPassword>(&input)?;
    if let Some(notice) = going_on(&user, output.session_count.unwrap_or_default()) {
        eprintln!("{notice}");
    }
    let text = match &output.one_time_password {
        Some(password) => format!("{password}\n"),
        None => format!("The password of {user} is set.\n"),
    };
    Ok(Answer::new(&output, text))
}

/// What whoever gave a user a password should know of the user's sessions: a thief may have one.
fn going_on(user: &str, sessions: i64) -> Option<String> {
    let go_on = match sessions {
        ..=0 => return None,
        1 => "1 session goes".to_owned(),
        _ => format!("{sessions} sessions go"),
    };
    Some(format!("{go_on} on; `vestibule user end-sessions {user}` ends all"))
}

/// The first line of standard input.
fn password_of_stdin() -> Result<String> {
    let mut text = String::new();
    let input = std::io::stdin().lock().take(PASSWORD_BYTES_MAX).read_to_string(&mut text);
    input.context("the password cannot be read from standard input")?;
    let password = text.lines().next().unwrap_or_default().to_owned();
    if password.is_empty() {
        bail!("there is no password on standard input");
    }
    Ok(password)
}

fn set_status(caller: &Caller<'_>, user: String, status: shapes::UserStatus) -> Result<Answer> {
    let name = user.clone();
    let input = shapes::SetUserStatusRequest { instance_arn: caller.instance_arn(), status, user };
    let output = caller.call::<ops::SetUserStatus>(&input)?;
    let can = if status == shapes::UserStatus::Enabled { "can" } else { "cannot" };
    Ok(Answer::new(&output, format!("{name} {can} sign in.\n")))
}

impl Device {
    /// Runs the command.
    ///
    /// # Errors
    /// As [`run`].
    pub fn run(self) -> Result<ExitCode> {
        let DeviceCommand::Approve { code, user } = self.command;
        run(&self.common, |caller| {
            let name = user.clone();
            let input = shapes::ApproveDeviceRequest { instance_arn: caller.instance_arn(), user, user_code: code };
            let output = caller.call::<ops::ApproveDevice>(&input)?;
            let client = output.client_name.as_deref().unwrap_or("The tool");
            let text = format!("{} is let in as {name}.\n", print::line(client));
            Ok(Answer::new(&output, text))
        })
    }
}

impl Outbox {
    /// Runs the command.
    ///
    /// # Errors
    /// As [`run`].
    pub fn run(self) -> Result<ExitCode> {
        run(&self.common, |caller| {
            let mut all = shapes::ListMailResponse { messages: Some(Vec::new()), next_token: None };
            let mut next_token = None;
            loop {
                let input = shapes::ListMailRequest { max_results: Some(MAIL_PAGE), next_token };
                let page = caller.call::<ops::ListMail>(&input)?;
                all.messages.get_or_insert_default().extend(page.messages.unwrap_or_default());
                next_token = page.next_token;
                if next_token.is_none() {
                    break;
                }
            }
            let text = print::mail(all.messages.as_deref().unwrap_or_default());
            Ok(Answer::new(&all, text))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_that_go_on_under_a_new_password_are_told() {
        assert_eq!(going_on("alice", 0), None);
        let told = |sessions| going_on("alice", sessions).expect("told");
        assert_eq!(told(1), "1 session goes on; `vestibule user end-sessions alice` ends all");
        assert!(told(2).starts_with("2 sessions go on"));
    }
}
