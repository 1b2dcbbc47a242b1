//! What is shown when something does not work.

use crate::Html;
use crate::frame::{Document, Frame, Place};
use maud::html;

/// A page that tells what does not work.
#[derive(Debug, Clone)]
pub struct ErrorPage<'a> {
    /// Surroundings.
    pub frame: Frame<'a>,
    /// What, in a few words.
    pub title: &'a str,
    /// What it means and what to do.
    pub text: &'a str,
}

impl ErrorPage<'_> {
    /// The document.
    pub fn render(&self) -> Html {
        let main = html! {
            h1 { (self.title) }
            p { (self.text) }
            p class="quiet" {
                "If you ask for help, tell this number: " code data-copy="the request id" { (self.frame.request_id) }
            }
            p { a href="/start" { "Go to your accounts" } }
        };
        self.frame.around(&Document {
            title: self.title,
            place: Place::Elsewhere,
            is_narrow: true,
            scripts: &[&crate::assets::COPY],
            main,
        })
    }
}
