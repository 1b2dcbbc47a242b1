//! The form for a new password, in place of one that an administrator gave.

use crate::Html;
use crate::frame::{Document, Frame, Place, csrf_field, form_error};
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
}

/// The page for a new password.
#[derive(Debug, Clone)]
pub struct NewPassword<'a> {
    /// Surroundings.
    pub frame: Frame<'a>,
    /// What allows this one change.
    pub ticket: &'a str,
    /// The name of whoever changes it, for password managers.
    pub user_name: &'a str,
    /// Where to go afterwards.
    pub next: &'a str,
    /// Token of the form.
    pub csrf: &'a str,
    /// What was wrong with the last attempt.
    pub problem: Option<Problem>,
}

const RULES: [(Problem, &str); 4] = [
    (Problem::Length, "8 to 64 characters"),
    (Problem::Classes, "a lower-case letter, an upper-case letter, a digit and another character"),
    (Problem::Reused, "not one of your last three passwords"),
    (Problem::Guessable, "not your user name and not a password that is commonly used"),
];

impl NewPassword<'_> {
    /// The document.
    pub fn render(&self) -> Html {
        let main = html! {
            h1 { "Choose a new password" }
            @match self.problem {
                None => {}
                Some(Problem::Mismatch) => (form_error("again", "The two passwords differ."))
                Some(_) => (form_error("new", "The password does not meet a rule."))
            }
            p { "The password that you signed in with was given by an administrator. Replace it with one that only you know." }
            form class="card" method="post" action="/signin/password" {
                (csrf_field(self.csrf))
                input type="hidden" name="ticket" value=(self.ticket);
                input type="hidden" name="next" value=(self.next);
                div class="field" {
                    label for="username" { "User name" }
                    input id="username" name="username" type="text" value=(self.user_name) readonly
                        autocomplete="username";
                }
                (self.rules())
                (self.field("new", "New password", Some("rules")))
                (self.field("again", "New password again", None))
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
            None => false,
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
