//! `vestibule directory`: what AWS offers for connected directories in its console only, or not at all.

use super::{Answer, Caller, Common, password_of_stdin, run};
use anyhow::Result;
use clap::Subcommand;
use model::vestibule::{self as shapes, ops};
use std::process::ExitCode;

/// `vestibule directory …`
#[derive(clap::Args)]
pub struct Directory {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: DirectoryCommand,
}

#[derive(Subcommand)]
enum DirectoryCommand {
    /// Give a directory another account by which its domain is read, or the account's new password; the password is
    /// read from standard input
    SetServiceAccount {
        /// Id of the directory
        directory: String,
        /// Name of the account in the domain (sAMAccountName), its user principal name or distinguished name
        #[arg(long, value_name = "NAME")]
        user_name: String,
    },
    /// Try now to connect a directory that has failed or is impaired
    Reconnect {
        /// Id of the directory
        directory: String,
    },
}

impl Directory {
    /// Runs the command.
    ///
    /// # Errors
    /// When the command cannot be sent as it was given.
    pub fn run(self) -> Result<ExitCode> {
        let command = self.command;
        run(&self.common, |caller| match command {
            DirectoryCommand::SetServiceAccount { directory, user_name } => {
                set_service_account(caller, directory, user_name)
            }
            DirectoryCommand::Reconnect { directory: directory_id } => {
                let output =
                    caller.call::<ops::ReconnectDirectory>(&shapes::ReconnectDirectoryRequest { directory_id })?;
                Ok(Answer::new(&output, BEGUN.to_owned()))
            }
        })
    }
}

const BEGUN: &str = "It is being connected: `aws ds describe-directories` shows the outcome.\n";

fn set_service_account(caller: &Caller<'_>, directory_id: String, user_name: String) -> Result<Answer> {
    let input = shapes::SetDirectoryServiceAccountRequest { directory_id, password: password_of_stdin()?, user_name };
    let output = caller.call::<ops::SetDirectoryServiceAccount>(&input)?;
    Ok(Answer::new(&output, BEGUN.to_owned()))
}
