//! Signing in to the console as an IAM user or as a root user.

use crate::Html;
use crate::frame::{Document, Frame, Place, csrf_field, form_error};
use maud::{Markup, html};

/// As whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AsWhom {
    /// An IAM user.
    User,
    /// A root user.
    Root,
}

/// Why the form is shown again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInProblem {
    /// What was given does not fit; also when there is no such account or user.
    Refused,
    /// Too many failures.
    Throttled {
        /// Minutes, at least one, until it makes sense to try again.
        minutes: i64,
    },
    /// The form, or a step after it, took too long.
    Expired,
    /// The password was right and has expired; only an administrator can set another one.
    PasswordExpired,
}

impl SignInProblem {
    fn text(self) -> String {
        match self {
            // AWS's text, whatever was wrong, so that nobody learns who exists.
            Self::Refused => "Your authentication information is incorrect. Please try again.".to_owned(),
            Self::Throttled { minutes: 1 } => "Too many attempts. Try again in 1 minute.".to_owned(),
            Self::Throttled { minutes } => format!("Too many attempts. Try again in {minutes} minutes."),
            Self::Expired => "This took too long, or your browser refused the cookie. Sign in again.".to_owned(),
            Self::PasswordExpired => {
                "Your password has expired. An administrator of your account has to set another one.".to_owned()
            }
        }
    }
}

/// The form for account, name and password, or for the address of a root user and its password.
#[derive(Debug, Clone)]
pub struct ConsoleSignIn<'a> {
    /// Surroundings.
    pub frame: Frame<'a>,
    /// As whom.
    pub as_whom: AsWhom,
    /// Id or alias of the account that was given before, or by the link.
    pub account: &'a str,
    /// User name or address that was given before.
    pub name: &'a str,
    /// What it is for, when that is not the console itself.
    pub purpose: Option<&'a str>,
    /// Where to go afterwards: a path of this server.
    pub next: &'a str,
    /// Token of the form.
    pub csrf: &'a str,
    /// What came of the last attempt.
    pub problem: Option<SignInProblem>,
}

impl ConsoleSignIn<'_> {
    /// The document.
    pub fn render(&self) -> Html {
        let next = crate::portal::percent(self.next);
        let main = html! {
            h1 { "Sign in to the console" }
            @if let Some(problem) = self.problem { (form_error(self.first_field(), &problem.text())) }
            @if let Some(purpose) = self.purpose { p { (purpose) } }
            form class="card" method="post" action="/console/signin" {
                (csrf_field(self.csrf))
                input type="hidden" name="next" value=(self.next);
                @match self.as_whom {
                    AsWhom::User => {
                        input type="hidden" name="as" value="user";
                        h2 { "IAM user" }
                        (self.field("account", "Account ID or account alias", self.account, "organization"))
                        (self.field("username", "User name", self.name, "username"))
                    }
                    AsWhom::Root => {
                        input type="hidden" name="as" value="root";
                        h2 { "Root user" }
                        p class="quiet" { "No policy of the account limits the root user. Use it only for what nobody else can do." }
                        (self.field("email", "E-mail address of the account", self.name, "username"))
                    }
                }
                div class="field" {
                    label for="password" { "Password" }
                    input id="password" name="password" type="password" required maxlength="1024"
                        autocomplete="current-password" aria-invalid=[self.is_invalid()];
                }
                button class="main" type="submit" { "Sign in" }
            }
            p {
                @match self.as_whom {
                    AsWhom::User => a href={ "/console/signin?as=root&next=" (next) } { "Sign in as root user" },
                    AsWhom::Root => a href={ "/console/signin?next=" (next) } { "Sign in as IAM user" },
                }
                " · " a href="/start" { "Use IAM Identity Center instead" }
            }
        };
        self.frame.around(&Document {
            title: if self.problem.is_some() { "Problem: Sign in to the console" } else { "Sign in to the console" },
            place: Place::Elsewhere,
            is_narrow: true,
            scripts: &[],
            main,
        })
    }

    fn first_field(&self) -> &'static str {
        match self.as_whom {
            AsWhom::User => "account",
            AsWhom::Root => "email",
        }
    }

    fn is_invalid(&self) -> Option<&'static str> {
        (self.problem == Some(SignInProblem::Refused)).then_some("true")
    }

    fn field(&self, name: &str, label: &str, value: &str, autocomplete: &str) -> Markup {
        html! {
            div class="field" {
                label for=(name) { (label) }
                input id=(name) name=(name) type="text" value=(value) required maxlength="320"
                    autocomplete=(autocomplete) autocapitalize="none" spellcheck="false" aria-invalid=[self.is_invalid()];
            }
        }
    }
}

/// Asks for a code of a registered device.
#[derive(Debug, Clone)]
pub struct Code<'a> {
    /// Surroundings.
    pub frame: Frame<'a>,
    /// What was proved already.
    pub ticket: &'a str,
    /// Where to go afterwards.
    pub next: &'a str,
    /// Token of the form.
    pub csrf: &'a str,
    /// What came of the last attempt.
    pub problem: Option<SignInProblem>,
}

impl Code<'_> {
    /// The document.
    pub fn render(&self) -> Html {
        let main = html! {
            h1 { "Enter your MFA code" }
            @if let Some(problem) = self.problem { (form_error("code", &problem.text())) }
            form class="card" method="post" action="/console/mfa" {
                (csrf_field(self.csrf))
                input type="hidden" name="ticket" value=(self.ticket);
                input type="hidden" name="next" value=(self.next);
                div class="field" {
                    label for="code" { "Code" }
                    p class="quiet" id="code-hint" { "The six digits that your authenticator app shows now." }
                    input id="code" name="code" type="text" inputmode="numeric" required maxlength="16"
                        autocomplete="one-time-code" aria-describedby="code-hint" autofocus;
                }
                button class="main" type="submit" { "Sign in" }
            }
            p { a href="/console/signin" { "Start again" } }
        };
        self.frame.around(&Document {
            title: if self.problem.is_some() { "Problem: Enter your MFA code" } else { "Enter your MFA code" },
            place: Place::Elsewhere,
            is_narrow: true,
            scripts: &[],
            main,
        })
    }
}

/// Asks for a new password in the place of one that must be replaced.
#[derive(Debug, Clone)]
pub struct NewConsolePassword<'a> {
    /// Surroundings.
    pub frame: Frame<'a>,
    /// What was proved already.
    pub ticket: &'a str,
    /// Where to go afterwards.
    pub next: &'a str,
    /// Token of the form.
    pub csrf: &'a str,
    /// What was wrong with the last attempt.
    pub problem: Option<&'a str>,
}

impl NewConsolePassword<'_> {
    /// The document.
    pub fn render(&self) -> Html {
        let field = |name: &str, label: &str| {
            html! {
                div class="field" {
                    label for=(name) { (label) }
                    input id=(name) name=(name) type="password" required maxlength="1024" autocomplete="new-password";
                }
            }
        };
        let main = html! {
            h1 { "Choose a new password" }
            @if let Some(problem) = self.problem { (form_error("new", problem)) }
            p { "Your password has to be replaced before you can go on." }
            form class="card" method="post" action="/console/password" {
                (csrf_field(self.csrf))
                input type="hidden" name="ticket" value=(self.ticket);
                input type="hidden" name="next" value=(self.next);
                (field("new", "New password"))
                (field("again", "New password again"))
                button class="main" type="submit" { "Change the password" }
            }
        };
        self.frame.around(&Document {
            title: if self.problem.is_some() { "Problem: Choose a new password" } else { "Choose a new password" },
            place: Place::Elsewhere,
            is_narrow: true,
            scripts: &[],
            main,
        })
    }
}
