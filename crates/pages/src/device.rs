//! Letting a device in by its code.

use crate::Html;
use crate::frame::{Document, Frame, Place, csrf_field, form_error};
use crate::{scope, text};
use base::Timestamp;
use maud::{Markup, html};

/// Asks for the code.
#[derive(Debug, Clone)]
pub struct CodeForm<'a> {
    /// Surroundings.
    pub frame: Frame<'a>,
    /// The code that was given before and is not good.
    pub rejected: Option<&'a str>,
}

impl CodeForm<'_> {
    /// The document.
    pub fn render(&self) -> Html {
        let main = html! {
            h1 { "Let a device in" }
            @if self.rejected.is_some() {
                (form_error("user-code", "This code is not known, has expired or has been used."))
            }
            form class="card" method="get" action="/device" {
                div class="field" {
                    label for="user-code" { "Code" }
                    p id="hint" class="quiet" { "The device or command-line tool shows it: eight letters, for example ABCD-EFGH." }
                    input id="user-code" name="user_code" type="text" required maxlength="32" autocomplete="off"
                        autocapitalize="characters" spellcheck="false" aria-describedby="hint"
                        value=(self.rejected.unwrap_or_default())
                        aria-invalid=[self.rejected.map(|_| "true")];
                }
                button class="main" type="submit" { "Continue" }
            }
        };
        self.frame.around(&Document {
            title: if self.rejected.is_some() { "Problem: Let a device in" } else { "Let a device in" },
            place: Place::Elsewhere,
            is_narrow: true,
            scripts: &[],
            main,
        })
    }
}

/// Asks whether the device that shows a code may act for the user.
#[derive(Debug, Clone)]
pub struct Approval<'a> {
    /// Surroundings.
    pub frame: Frame<'a>,
    /// The name by which the user signs in: others may be called the same.
    pub user_name: &'a str,
    /// The code, as it is shown: `ABCD-EFGH`.
    pub user_code: &'a str,
    /// The name that the client gave itself.
    pub client_name: &'a str,
    /// The address from which it asked.
    pub source_ip: &'a str,
    /// What it said it is.
    pub user_agent: &'a str,
    /// What it wants.
    pub scopes: &'a [String],
    /// When it asked.
    pub requested_at: Timestamp,
    /// Until when it can be let in.
    pub expires_at: Timestamp,
    /// The address of this browser.
    pub browser_ip: &'a str,
    /// The present instant.
    pub now: Timestamp,
    /// Token of the form.
    pub csrf: &'a str,
}

impl Approval<'_> {
    /// The document.
    pub fn render(&self) -> Html {
        let main = html! {
            h1 { "Let this device in?" }
            p { "It shows this code. If it does not, or if you did not start this yourself, deny it." }
            (spelled(self.user_code))
            (self.warning())
            div class="card" {
                (self.facts())
                p { "It will be able to:" }
                (scope::list(self.scopes))
                form method="post" action="/device" {
                    (csrf_field(self.csrf))
                    input type="hidden" name="user_code" value=(self.user_code);
                    div class="row" {
                        button class="main" type="submit" name="decision" value="allow" { "Approve" }
                        button class="danger" type="submit" name="decision" value="deny" { "Deny" }
                    }
                }
            }
        };
        self.frame.around(&Document {
            title: "Let this device in?",
            place: Place::Elsewhere,
            is_narrow: true,
            scripts: &[],
            main,
        })
    }

    fn warning(&self) -> Markup {
        if self.source_ip == self.browser_ip {
            return html! {};
        }
        html! {
            div class="alert" {
                h2 { "The request came from another address" }
                p {
                    "It came from " strong class="code" { (self.source_ip) } ", but you are at "
                    strong class="code" { (self.browser_ip) } ". Whoever sent you this link or this code could use your \
                    access. Approve only if you started it yourself on that machine."
                }
            }
        }
    }

    fn facts(&self) -> Markup {
        html! {
            dl {
                dt { "Client" } dd { strong { (self.client_name) } br; small { "The client chose this name itself." } }
                dt { "Address" } dd class="code" { (self.source_ip) }
                dt { "Software" } dd { (self.user_agent) }
                dt { "Requested" } dd { (text::age(self.requested_at, self.now)) }
                dt { "Expires" } dd { (text::until(self.expires_at, self.now)) }
                dt { "Acts for" } dd { strong { (self.user_name) } }
            }
        }
    }
}

/// Shows a code so that eyes and screen readers get it letter by letter.
fn spelled(code: &str) -> Markup {
    let letters: Vec<String> =
        code.chars().map(|letter| if letter == '-' { ",".to_owned() } else { letter.to_string() }).collect();
    html! {
        p class="code big" {
            span aria-hidden="true" { (code) }
            span class="hidden-visually" { (letters.join(" ")) }
        }
    }
}

/// Tells what came of it.
#[derive(Debug, Clone)]
pub struct Decided<'a> {
    /// Surroundings.
    pub frame: Frame<'a>,
    /// Whether the device was let in.
    pub is_allowed: bool,
    /// The name that the client gave itself.
    pub client_name: &'a str,
}

impl Decided<'_> {
    /// The document.
    pub fn render(&self) -> Html {
        let title = if self.is_allowed { "The device is let in" } else { "The device is turned away" };
        let main = html! {
            h1 { (title) }
            @if self.is_allowed {
                div class="good" role="status" {
                    p { strong { (self.client_name) } " may act for you now. You can close this window and return to it." }
                }
                p { "You can end its access at any time under " a href="/start/sessions" { "Sessions" } "." }
            } @else {
                div class="notice" role="status" {
                    p { strong { (self.client_name) } " was refused. If you did not start it, tell your administrator." }
                }
            }
        };
        self.frame.around(&Document { title, place: Place::Elsewhere, is_narrow: true, scripts: &[], main })
    }
}
