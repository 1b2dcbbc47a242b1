//! Ending the session of this browser.

use crate::Html;
use crate::frame::{Document, Frame, Place, csrf_field};
use maud::html;

/// Asks whether to sign out.
#[derive(Debug, Clone)]
pub struct SignOut<'a> {
    /// Surroundings.
    pub frame: Frame<'a>,
    /// Token of the form.
    pub csrf: &'a str,
}

impl SignOut<'_> {
    /// The document.
    pub fn render(&self) -> Html {
        let main = html! {
            h1 { "Sign out?" }
            p {
                "This ends the session of this browser, and the command-line tools and devices that you let in from it. Other \
                 browsers stay signed in: see " a href="/start/sessions" { "Sessions" } "."
            }
            form method="post" action="/signout" {
                (csrf_field(self.csrf))
                div class="row" {
                    button class="main" type="submit" { "Sign out" }
                    a class="button" href="/start" { "Stay signed in" }
                }
            }
        };
        self.frame.around(&Document {
            title: "Sign out?",
            place: Place::Elsewhere,
            is_narrow: true,
            scripts: &[],
            main,
        })
    }
}

/// Says that nobody is signed in any more.
#[derive(Debug, Clone)]
pub struct SignedOut<'a> {
    /// Surroundings.
    pub frame: Frame<'a>,
    /// Where the portal is.
    pub portal: &'a str,
}

impl SignedOut<'_> {
    /// The document.
    pub fn render(&self) -> Html {
        let main = html! {
            h1 { "You are signed out" }
            p { "The session of this browser has ended." }
            p { a class="button" href=(self.portal) { "Sign in again" } }
        };
        self.frame.around(&Document {
            title: "You are signed out",
            place: Place::Elsewhere,
            is_narrow: true,
            scripts: &[],
            main,
        })
    }
}
