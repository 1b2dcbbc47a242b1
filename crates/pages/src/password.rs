//! The form for a new password: the first, in place of a forgotten one, in place of one that an administrator gave or that a
//! domain lets nobody in with any more.

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
    /// One of the last three; in a domain, of as many as it remembers.
    Reused,
    /// The user's own name, or one that everybody tries.
    Guessable,
    /// The two fields differ.
    Mismatch,
    /// The domain wants a longer one.
    Longer,
    /// The domain finds it too simple.
    Simple,
    /// The domain wants the present one to be older before it is changed.
    Young,
    /// The domain does not take it.
    Domain,
    /// The present password is another one.
    Present,
    /// Too many failures.
    Throttled {
        /// Minutes, at least one, until it makes sense to try again.
        minutes: i64,
    },
    /// The domain cannot be asked at present.
    Unavailable,
    /// The form took too long, or the browser refused the cookie.
    Expired,
}

/// Why somebody chooses a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion<'a> {
    /// The present one was given by an administrator.
    Given,
    /// The domain that is run here wants it, which keeps it.
    Domain,
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
            Self::Domain => "/signin/domain-password",
            Self::Invitation { .. } => "/signin/invitation",
            Self::Reset { .. } => "/signin/reset",
        }
    }

    fn heading(self) -> &'static str {
        match self {
            Self::Given | Self::Domain | Self::Reset { .. } => "Choose a new password",
            Self::Invitation { .. } => "Accept the invitation",
        }
    }

    fn button(self) -> &'static str {
        match self {
            Self::Given | Self::Domain => "Change the password",
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
            Self::Domain => html! {
                p {
                    "Your password has expired, or an administrator wants it changed. Replace it here; the new one counts \
                     everywhere in your organization's domain."
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

/// What every password must be like, in the order in which it is told.
const RULES: [(Problem, &str); 4] = [
    (Problem::Length, "8 to 64 characters"),
    (Problem::Classes, "a lower-case letter, an upper-case letter, a digit and another character"),
    (Problem::Reused, "not one of your last three passwords"),
    (Problem::Guessable, "not containing your user name, and not a password that is commonly used"),
];
/// What takes the place of the rule on former passwords where a domain keeps them.
const NOT_REMEMBERED: &str = "not one of your former passwords that the domain remembers";

fn problem(problem: Problem) -> Markup {
    let (field, message) = match problem {
        Problem::Length | Problem::Classes | Problem::Reused | Problem::Guessable => {
            ("new", "The password does not meet a rule.")
        }
        Problem::Mismatch => ("again", "The two passwords differ."),
        Problem::Longer => ("new", "The domain wants a longer password."),
        Problem::Simple => {
            ("new", "The domain finds the password too simple. It must not contain a part of your name either.")
        }
        Problem::Young => {
            ("new", "The domain wants your present password to be older before you change it. Ask your administrator.")
        }
        Problem::Domain => ("new", "The domain does not take this password. Choose another one."),
        Problem::Present => ("present", "The current password is wrong."),
        Problem::Throttled { minutes: 1 } => ("present", "Too many attempts. Try again in 1 minute."),
        Problem::Throttled { minutes } => {
            return form_error("present", &format!("Too many attempts. Try again in {minutes} minutes."));
        }
        Problem::Unavailable => {
            ("present", "The domain does not answer at present. Try again later or ask your administrator.")
        }
        Problem::Expired => ("new", "This took too long, or your browser refused the cookie. Try once more."),
    };
    form_error(field, message)
}

impl NewPassword<'_> {
    /// The document.
    pub fn render(&self) -> Html {
        let heading = self.occasion.heading();
        let main = html! {
            h1 { (heading) }
            @if let Some(what) = self.problem { (problem(what)) }
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
                @if self.occasion == Occasion::Domain { (self.present()) }
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
                        @let is_of_domain = rule == Problem::Reused && self.occasion == Occasion::Domain;
                        @let text = if is_of_domain { NOT_REMEMBERED } else { text };
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

    /// Whether the last attempt failed for what was typed into the field of that name.
    fn is_invalid(&self, name: &str) -> bool {
        match self.problem {
            None | Some(Problem::Expired | Problem::Throttled { .. } | Problem::Unavailable | Problem::Young) => false,
            Some(Problem::Mismatch) => name == "again",
            Some(Problem::Present) => name == "present",
            Some(_) => name == "new",
        }
    }

    /// The field for the present password, which the domain is asked for again.
    fn present(&self) -> Markup {
        let is_invalid = self.is_invalid("present").then_some("true");
        html! {
            div class="field" {
                label for="present" { "Current password" }
                input id="present" name="present" type="password" required maxlength="256"
                    autocomplete="current-password" aria-invalid=[is_invalid];
            }
        }
    }

    fn field(&self, name: &str, label: &str, described_by: Option<&str>) -> Markup {
        let is_invalid = self.is_invalid(name).then_some("true");
        html! {
            div class="field" {
                label for=(name) { (label) }
                input id=(name) name=(name) type="password" required minlength="8" maxlength="64"
                    autocomplete="new-password" aria-invalid=[is_invalid] aria-describedby=[described_by];
            }
        }
    }
}
