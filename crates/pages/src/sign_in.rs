//! The form for name and password.

use crate::Html;
use crate::assets;
use crate::frame::{Document, Frame, Place, csrf_field, form_error};
use maud::{Markup, html};

/// What somebody signs in for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// To see accounts and roles.
    Portal,
    /// To let a device or tool in by its code.
    Device {
        /// The code, when the link had it.
        user_code: Option<String>,
    },
    /// To let an application act for them.
    Application {
        /// The name that it gave itself.
        client_name: String,
        /// The host to which the browser goes then.
        redirect_host: String,
    },
}

/// Why the form is shown again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// Name and password do not fit; also when there is no such user.
    Refused,
    /// The password fits and must be changed first, where the people are known from.
    ChangeElsewhere,
    /// Too many failures.
    Throttled {
        /// Minutes, at least one, until it makes sense to try again.
        minutes: i64,
    },
    /// Nobody can sign in at present.
    Unavailable,
    /// The form, or the change of the password, took too long.
    Expired,
}

/// The sign-in page.
#[derive(Debug, Clone)]
pub struct SignIn<'a> {
    /// Surroundings.
    pub frame: Frame<'a>,
    /// What for.
    pub purpose: &'a Purpose,
    /// The name that was given before.
    pub user_name: &'a str,
    /// Where to go afterwards: a path of this server.
    pub next: &'a str,
    /// Token of the form.
    pub csrf: &'a str,
    /// What came of the last attempt.
    pub problem: Option<Problem>,
    /// Where whoever has forgotten the password gets another: a path of this server. `None`: only the directory that
    /// the people come from can change passwords.
    pub forgot: Option<&'a str>,
}

/// The one text of every failure, so that nobody learns who exists.
const REFUSED: &str = "User name or password is wrong.";

impl SignIn<'_> {
    /// The document.
    pub fn render(&self) -> Html {
        let main = html! {
            h1 { "Sign in" }
            (self.message())
            (self.destination())
            form class="card" method="post" action="/signin" {
                (csrf_field(self.csrf))
                input type="hidden" name="next" value=(self.next);
                (self.user_name_field())
                (self.password_field())
                button class="main" type="submit" { "Sign in" }
            }
            @match self.forgot {
                Some(path) => p { a href=(path) { "Forgot password?" } },
                None => p class="quiet" { "Passwords are changed in your organization's own directory, not here." },
            }
            p class="quiet" {
                "Enter your password only while the address of this page is the one that your organization gave you."
            }
        };
        self.frame.around(&Document {
            title: if self.problem.is_some() { "Problem: Sign in" } else { "Sign in" },
            place: Place::Elsewhere,
            is_narrow: true,
            scripts: &[&assets::FRAGMENT],
            main,
        })
    }

    fn message(&self) -> Markup {
        match self.problem {
            None => html! {},
            Some(Problem::Refused) => form_error("user-name", REFUSED),
            Some(Problem::ChangeElsewhere) => html! {
                div class="alert" role="alert" {
                    p {
                        strong { "Your password must be changed before you can sign in. " }
                        "Change it in your organization's domain, for example at your computer, and sign in here with \
                         the new one."
                    }
                }
            },
            Some(Problem::Throttled { minutes: 1 }) => {
                form_error("user-name", "Too many attempts. Try again in 1 minute.")
            }
            Some(Problem::Throttled { minutes }) => {
                form_error("user-name", &format!("Too many attempts. Try again in {minutes} minutes."))
            }
            Some(Problem::Unavailable) => html! {
                div class="alert" role="alert" {
                    p { strong { "Signing in is not possible at present. " } "Try again later or ask your administrator." }
                }
            },
            Some(Problem::Expired) => {
                form_error("user-name", "This took too long, or your browser refused the cookie. Sign in again.")
            }
        }
    }

    fn destination(&self) -> Markup {
        match self.purpose {
            Purpose::Portal => html! { p { "To see your AWS accounts and roles." } },
            Purpose::Device { user_code: None } => html! { p { "To let a device or a command-line tool in." } },
            Purpose::Device { user_code: Some(code) } => html! {
                p { "To let the device or command-line tool in that shows the code " strong class="code" { (code) } "." }
            },
            Purpose::Application { client_name, redirect_host } => html! {
                p {
                    "To let " strong { (client_name) } " act for you; your browser then goes to "
                    strong class="code" { (redirect_host) } "."
                }
            },
        }
    }

    fn user_name_field(&self) -> Markup {
        let is_invalid = matches!(self.problem, Some(Problem::Refused)).then_some("true");
        html! {
            div class="field" {
                label for="user-name" { "User name" }
                input id="user-name" name="username" type="text" value=(self.user_name) required maxlength="128"
                    autocomplete="username" autocapitalize="none" spellcheck="false" aria-invalid=[is_invalid]
                    autofocus[self.user_name.is_empty()];
            }
        }
    }

    fn password_field(&self) -> Markup {
        let is_invalid = matches!(self.problem, Some(Problem::Refused)).then_some("true");
        html! {
            div class="field" {
                label for="password" { "Password" }
                input id="password" name="password" type="password" required maxlength="256"
                    autocomplete="current-password" aria-invalid=[is_invalid] autofocus[!self.user_name.is_empty()];
            }
        }
    }
}
