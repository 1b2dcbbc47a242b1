//! The form for a new password: the first, in place of a forgotten one, in place of one that an administrator gave.

use crate::Html;
use crate::frame::{Document, Frame, Place, csrf_field, form_error};
use crate::text;
use base::Timestamp;
use maud::{Markup, html};

/// A rule that the new password does not meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// Not 8 to 64 characters.
    Length,
    /// Lacks a class of characters.
    Classes,
    /// One of the last three.
    Reused,
    /// The user's own name, or one that everybody tries.
    Guessable,
    /// The two fields differ.
    Mismatch,
    /// The form took too long, or the browser refused the cookie.
    Expired,
}

/// Why somebody chooses a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion<'a> {
    /// The present one was given by an administrator.
    Given,
    /// It is the first; by a link in a mail.
    Invitation {
        /// Address of the portal.
        portal: &'a str,
        /// Until when the link is good.
        expires_at: Timestamp,
    },
    /// The present one is forgotten; by a link in a mail.
    Reset {
        /// Address of the portal.
        portal: &'a str,
        /// Until when the link is good.
        expires_at: Timestamp,
    },
}

impl Occasion<'_> {
    fn action(self) -> &'static str {
        match self {
            Self::Given => "/signin/password",
            Self::Invitation { .. } => "/signin/invitation",
            Self::Reset { .. } => "/signin/reset",
        }
    }

    fn heading(self) -> &'static str {
        match self {
            Self::Given | Self::Reset { .. } => "Choose a new password",
            Self::Invitation { .. } => "Accept the invitation",
        }
    }

    fn button(self) -> &'static str {
        match self {
            Self::Given => "Change the password",
            Self::Invitation { .. } | Self::Reset { .. } => "Set the password",
        }
    }

    fn explanation(self) -> Markup {
        match self {
            Self::Given => html! {
                p {
                    "The password that you signed in with was given by an administrator. Replace it with one that only \
                     you know."
                }
            },
            Self::Invitation { portal, expires_at } => html! {
                p { "Choose the password with which you will sign in at " strong class="code" { (portal) } "." }
                (good_until(expires_at))
            },
            Self::Reset { portal, expires_at } => html! {
                p {
                    "Choose the password with which you will sign in at " strong class="code" { (portal) } ". Whoever is \
                     signed in as you is signed out."
                }
                (good_until(expires_at))
            },
        }
    }
}

fn good_until(expires_at: Timestamp) -> Markup {
    html! { p class="quiet" { "The link is good until " (text::instant(expires_at)) ", and once." } }
}

/// The page for a new password.
#[derive(Debug, Clone)]
pub struct NewPassword<'a> {
    /// Surroundings.
    pub frame: Frame<'a>,
    /// Why a password is chosen.
    pub occasion: Occasion<'a>,
    /// What allows this one change.
    pub ticket: &'a str,
    /// The name of whoever changes it, for password managers.
    pub user_name: &'a str,
    /// Where to go afterwards; links in mails lead nowhere else.
    pub next: Option<&'a str>,
    /// Token of the form.
    pub csrf: &'a str,
    /// What was wrong with the last attempt.
    pub problem: Option<Problem>,
}

const RULES: [(Problem, &str); 4] = [
    (Problem::Length, "8 to 64 characters"),
    (Problem::Classes, "a lower-case letter, an upper-case letter, a digit and another character"),
    (Problem::Reused, "not one of your last three passwords"),
    (Problem::Guessable, "not containing your user name, and not a password that is commonly used"),
];

impl NewPassword<'_> {
    /// The document.
    pub fn render(&self) -> Html {
        let heading = self.occasion.heading();
        let main = html! {
            h1 { (heading) }
            @match self.problem {
                None => {}
                Some(Problem::Mismatch) => (form_error("again", "The two passwords differ."))
                Some(Problem::Expired) => {
                    (form_error("new", "This took too long, or your browser refused the cookie. Try once more."))
                }
                Some(_) => (form_error("new", "The password does not meet a rule."))
            }
            (self.occasion.explanation())
            form class="card" method="post" action=(self.occasion.action()) {
                (csrf_field(self.csrf))
                input type="hidden" name="ticket" value=(self.ticket);
                @if let Some(next) = self.next { input type="hidden" name="next" value=(next); }
                div class="field" {
                    label for="username" { "User name" }
                    input id="username" name="username" type="text" value=(self.user_name) readonly
                        autocomplete="username";
                }
                (self.rules())
                (self.field("new", "New password", Some("rules")))
                (self.field("again", "New password again", None))
                button class="main" type="submit" { (self.occasion.button()) }
            }
        };
        let title = if self.problem.is_some() { format!("Problem: {heading}") } else { heading.to_owned() };
        self.frame.around(&Document { title: &title, place: Place::Elsewhere, is_narrow: true, scripts: &[], main })
    }

    fn rules(&self) -> Markup {
        html! {
            div id="rules" {
                p { "A password has:" }
                ul class="rules" {
                    @for (rule, text) in RULES {
                        @if self.problem == Some(rule) {
                            li class="broken" { (text) " (not met)" }
                        } @else {
                            li { (text) }
                        }
                    }
                }
            }
        }
    }

    fn field(&self, name: &str, label: &str, described_by: Option<&str>) -> Markup {
        let is_invalid = match self.problem {
            None | Some(Problem::Expired) => false,
            Some(Problem::Mismatch) => name == "again",
            Some(_) => name == "new",
        };
        html! {
            div class="field" {
                label for=(name) { (label) }
                input id=(name) name=(name) type="password" required minlength="8" maxlength="64"
                    autocomplete="new-password" aria-invalid=[is_invalid.then_some("true")]
                    aria-describedby=[described_by];
            }
        }
    }
}
