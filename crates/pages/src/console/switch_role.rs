//! Switching to a role.

use super::COLORS;
use crate::Html;
use crate::frame::{Document, Frame, Place, csrf_field};
use maud::{Markup, html};

/// The form for account and role.
#[derive(Debug, Clone)]
pub struct SwitchRole<'a> {
    /// Surroundings.
    pub frame: Frame<'a>,
    /// ARN of whoever switches.
    pub arn: &'a str,
    /// Id or alias of the account.
    pub account: &'a str,
    /// Name of the role, with its path.
    pub role_name: &'a str,
    /// The name to show.
    pub display_name: &'a str,
    /// The colour to show, six hexadecimal digits.
    pub color: &'a str,
    /// Token of the form.
    pub csrf: &'a str,
    /// What was wrong with the last attempt.
    pub problem: Option<&'a str>,
}

impl SwitchRole<'_> {
    /// The document.
    pub fn render(&self) -> Html {
        let main = html! {
            h1 { "Switch role" }
            @if let Some(problem) = self.problem {
                div class="alert" role="alert" {
                    p {
                        strong {
                            "Invalid information in one or more fields. Check your information or contact your administrator."
                        }
                    }
                    p { (problem) }
                }
            }
            p { "You are " span class="code" { (self.arn) } ". A role that trusts you gives you its permissions instead of yours." }
            form class="card" method="post" action="/switchrole" {
                (csrf_field(self.csrf))
                (field("account", "Account ID or account alias", self.account, true))
                (field("roleName", "IAM role name", self.role_name, true))
                (field("displayName", "Display name (optional)", self.display_name, false))
                (self.color())
                div class="row" {
                    button class="main" type="submit" { "Switch role" }
                    a class="button" href="/console" { "Cancel" }
                }
            }
        };
        self.frame.around(&Document {
            title: if self.problem.is_some() { "Problem: Switch role" } else { "Switch role" },
            place: Place::Elsewhere,
            is_narrow: true,
            scripts: &[],
            main,
        })
    }

    fn color(&self) -> Markup {
        let is_own = !self.color.is_empty() && !COLORS.iter().any(|(color, _)| *color == self.color);
        html! {
            div class="field" {
                label for="color" { "Colour (optional)" }
                select id="color" name="color" {
                    option value="" selected[self.color.is_empty()] { "None" }
                    @for (color, name) in COLORS { option value=(color) selected[color == self.color] { (name) } }
                    @if is_own { option value=(self.color) selected { "#" (self.color) } }
                }
            }
        }
    }
}

fn field(name: &str, label: &str, value: &str, is_required: bool) -> Markup {
    html! {
        div class="field" {
            label for=(name) { (label) }
            input id=(name) name=(name) type="text" value=(value) required[is_required] maxlength="576"
                autocomplete="off" autocapitalize="none" spellcheck="false";
        }
    }
}
