//! Letting `aws login` in.

use crate::consent::decision;
use crate::frame::{Document, Frame, Place};
use crate::{Html, assets};
use maud::html;

/// Asks whether a tool may act for whoever uses the console.
#[derive(Debug, Clone)]
pub struct LoginConsent<'a> {
    /// Surroundings.
    pub frame: Frame<'a>,
    /// ARN of the principal.
    pub arn: &'a str,
    /// Host and port to which the browser goes with the answer; `None`: the code is shown here, for a tool elsewhere.
    pub redirect_host: Option<&'a str>,
    /// The query of the request, as it came.
    pub query: &'a str,
    /// Token of the form.
    pub csrf: &'a str,
}

impl LoginConsent<'_> {
    /// The document.
    pub fn render(&self) -> Html {
        let main = html! {
            h1 { "Let a command-line tool act for you?" }
            div class="card" {
                dl {
                    dt { "Application" } dd { strong { "Local development tools" } " " small { "(aws login)" } }
                    dt { "Acts as" } dd { span class="code" { (self.arn) } }
                    dt { "Answer goes to" }
                    dd {
                        @match self.redirect_host {
                            Some(host) => {
                                span class="code" { (host) } " " small { "(a program on the machine of this browser)" }
                            }
                            None => "a tool on another machine: you carry a code over",
                        }
                    }
                }
                p { "It gets credentials with all permissions of this session, and can renew them until the session ends." }
                @if self.redirect_host.is_none() {
                    div class="notice" {
                        p { "Never give the code to somebody else: whoever asks you for it wants to act in your name." }
                    }
                }
                p { "Allow it only if you have just started it yourself." }
                (decision("/v1/authorize", self.query, self.csrf))
            }
            p class="quiet" { "Somebody else? " a href="/console" { "Go to the console" } " to switch roles or to sign out, then start again." }
        };
        self.frame.around(&Document {
            title: "Let a command-line tool act for you?",
            place: Place::Elsewhere,
            is_narrow: true,
            scripts: &[],
            main,
        })
    }
}

/// Shows the code for a tool elsewhere.
#[derive(Debug, Clone)]
pub struct LoginCode<'a> {
    /// Surroundings.
    pub frame: Frame<'a>,
    /// What to carry over; `None`: the tool was turned away.
    pub code: Option<&'a str>,
}

impl LoginCode<'_> {
    /// The document.
    pub fn render(&self) -> Html {
        let title = if self.code.is_some() { "Copy this code to the tool" } else { "The tool was turned away" };
        let main = html! {
            h1 { (title) }
            @match self.code {
                Some(code) => {
                    p { "Paste it where “aws login” asks for the authorization code. It is good once, for ten minutes." }
                    pre tabindex="0" { code data-copy="the authorization code" { (code) } }
                    div class="notice" {
                        p { "Never give it to somebody else: whoever has asked you for it wants to act in your name." }
                    }
                }
                None => p { "It gets no credentials. You can close this page." },
            }
        };
        self.frame.around(&Document {
            title,
            place: Place::Elsewhere,
            is_narrow: true,
            scripts: &[&assets::COPY],
            main,
        })
    }
}
