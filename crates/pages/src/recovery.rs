//! The way back for whoever has forgotten the password, and what links in mails open besides the form for a password.

use crate::Html;
use crate::frame::{Document, Frame, Place, csrf_field, form_error};
use maud::{Markup, html};

/// Where a new link can be had.
const FORGOT: &str = "/signin/forgot";

/// Why the form is shown again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// There is no name in it.
    Empty,
    /// Too many wishes.
    Throttled {
        /// Minutes, at least one, until it makes sense to try again.
        minutes: i64,
    },
    /// The form took too long, or the browser refused the cookie.
    Expired,
}

/// Asks whose password is forgotten.
#[derive(Debug, Clone)]
pub struct ForgotPassword<'a> {
    /// Surroundings.
    pub frame: Frame<'a>,
    /// The name that was given before.
    pub user_name: &'a str,
    /// Where the person wanted to go: a path of this server.
    pub next: &'a str,
    /// The sign-in page that leads there.
    pub sign_in: &'a str,
    /// Token of the form.
    pub csrf: &'a str,
    /// What came of the last attempt.
    pub problem: Option<Problem>,
}

impl ForgotPassword<'_> {
    /// The document.
    pub fn render(&self) -> Html {
        let main = html! {
            h1 { "Forgot your password?" }
            (self.message())
            p { "Give your user name. A mail with a link to choose a new password goes to your e-mail address." }
            form class="card" method="post" action=(FORGOT) {
                (csrf_field(self.csrf))
                input type="hidden" name="next" value=(self.next);
                div class="field" {
                    label for="user-name" { "User name" }
                    input id="user-name" name="username" type="text" value=(self.user_name) required maxlength="128"
                        autocomplete="username" autocapitalize="none" spellcheck="false" autofocus
                        aria-invalid=[(self.problem == Some(Problem::Empty)).then_some("true")];
                }
                button class="main" type="submit" { "Send the link" }
            }
            p { a href=(self.sign_in) { "Back to signing in" } }
        };
        let title = if self.problem.is_some() { "Problem: Forgot your password?" } else { "Forgot your password?" };
        around(&self.frame, title, main)
    }

    fn message(&self) -> Markup {
        match self.problem {
            None => html! {},
            Some(Problem::Empty) => form_error("user-name", "Give your user name."),
            Some(Problem::Throttled { minutes: 1 }) => {
                form_error("user-name", "Too many attempts. Try again in 1 minute.")
            }
            Some(Problem::Throttled { minutes }) => {
                form_error("user-name", &format!("Too many attempts. Try again in {minutes} minutes."))
            }
            Some(Problem::Expired) => {
                form_error("user-name", "This took too long, or your browser refused the cookie. Try once more.")
            }
        }
    }
}

fn around(frame: &Frame<'_>, title: &str, main: Markup) -> Html {
    frame.around(&Document { title, place: Place::Elsewhere, is_narrow: true, scripts: &[], main })
}

/// The one answer to every name, so that nobody learns who exists.
#[derive(Debug, Clone)]
pub struct LinkSent<'a> {
    /// Surroundings.
    pub frame: Frame<'a>,
    /// The sign-in page.
    pub sign_in: &'a str,
}

impl LinkSent<'_> {
    /// The document.
    pub fn render(&self) -> Html {
        let main = html! {
            h1 { "Look into your mail" }
            p {
                "If there is a user of that name with an e-mail address, a mail with a link is on its way there. The link is \
                 good for one hour, and once."
            }
            p class="quiet" { "If nothing arrives within a few minutes, ask your administrator for a new password." }
            p { a href=(self.sign_in) { "Back to signing in" } }
        };
        around(&self.frame, "Look into your mail", main)
    }
}

/// Says that passwords are not changed here.
#[derive(Debug, Clone)]
pub struct InDirectory<'a> {
    /// Surroundings.
    pub frame: Frame<'a>,
    /// The sign-in page.
    pub sign_in: &'a str,
}

impl InDirectory<'_> {
    /// The document.
    pub fn render(&self) -> Html {
        let main = html! {
            h1 { "Passwords are changed elsewhere" }
            p {
                "The users of this portal and their passwords are in your organization's own directory. Change your password \
                 there, or ask whoever looks after it."
            }
            p { a href=(self.sign_in) { "Back to signing in" } }
        };
        around(&self.frame, "Passwords are changed elsewhere", main)
    }
}

/// Says that a link does nothing any more.
#[derive(Debug, Clone)]
pub struct LinkVoid<'a> {
    /// Surroundings.
    pub frame: Frame<'a>,
    /// Whether the link was for a password: the person can have another one.
    pub is_for_password: bool,
}

impl LinkVoid<'_> {
    /// The document.
    pub fn render(&self) -> Html {
        let main = html! {
            h1 { "This link is no longer good" }
            p { "It was used already, it is too old, or something about your user has changed since it was sent." }
            @if self.is_for_password {
                p { a class="button" href=(FORGOT) { "Get a new link" } }
                p { a href="/signin" { "Go to signing in" } }
            } @else {
                p { "Ask your administrator for a new one." }
                p { a href="/start" { "Go to your accounts" } }
            }
        };
        around(&self.frame, "This link is no longer good", main)
    }
}

/// Says that the new password counts.
#[derive(Debug, Clone)]
pub struct PasswordSet<'a> {
    /// Surroundings.
    pub frame: Frame<'a>,
    /// Where one signs in.
    pub sign_in: &'a str,
}

impl PasswordSet<'_> {
    /// The document.
    pub fn render(&self) -> Html {
        let main = html! {
            h1 { "Your password is set" }
            p { "Whoever was signed in as you is signed out. Sign in with the new password." }
            p { a class="button" href=(self.sign_in) { "Sign in" } }
        };
        around(&self.frame, "Your password is set", main)
    }
}

/// Asks whether the address is the reader's.
#[derive(Debug, Clone)]
pub struct VerifyEmail<'a> {
    /// Surroundings.
    pub frame: Frame<'a>,
    /// The address.
    pub address: &'a str,
    /// Whose it is said to be.
    pub user_name: &'a str,
    /// What allows to confirm it.
    pub ticket: &'a str,
    /// Token of the form.
    pub csrf: &'a str,
    /// Whether the form took too long, or the browser refused the cookie.
    pub has_expired: bool,
}

impl VerifyEmail<'_> {
    /// The document.
    pub fn render(&self) -> Html {
        let main = html! {
            h1 { "Confirm your e-mail address" }
            @if self.has_expired {
                (form_error("confirm", "This took too long, or your browser refused the cookie. Try once more."))
            }
            dl {
                dt { "Address" }
                dd { strong { (self.address) } }
                dt { "User name" }
                dd { strong { (self.user_name) } }
            }
            form method="post" action="/signin/verify-email" {
                (csrf_field(self.csrf))
                input type="hidden" name="ticket" value=(self.ticket);
                button id="confirm" class="main" type="submit" { "Confirm" }
            }
        };
        around(&self.frame, "Confirm your e-mail address", main)
    }
}

/// Says that the address is confirmed.
#[derive(Debug, Clone)]
pub struct EmailVerified<'a> {
    /// Surroundings.
    pub frame: Frame<'a>,
    /// Where the portal is.
    pub portal: &'a str,
}

impl EmailVerified<'_> {
    /// The document.
    pub fn render(&self) -> Html {
        let main = html! {
            h1 { "Your e-mail address is confirmed" }
            p { a class="button" href=(self.portal) { "Go to your accounts" } }
        };
        around(&self.frame, "Your e-mail address is confirmed", main)
    }
}
