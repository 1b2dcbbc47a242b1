//! Letting an application act for the user (OAuth 2.0 authorization endpoint, RFC 6749 §4.1).

use crate::Html;
use crate::frame::{Document, Frame, Place, csrf_field};
use crate::scope;
use maud::{Markup, html};

/// Asks whether an application may act for the user.
#[derive(Debug, Clone)]
pub struct Consent<'a> {
    /// Surroundings.
    pub frame: Frame<'a>,
    /// The name by which the user signs in: others may be called the same.
    pub user_name: &'a str,
    /// The name that the client gave itself.
    pub client_name: &'a str,
    /// Host and port to which the browser goes with the answer.
    pub redirect_host: &'a str,
    /// What the client wants.
    pub scopes: &'a [String],
    /// The query of the request, as it came.
    pub query: &'a str,
    /// Token of the form.
    pub csrf: &'a str,
}

impl Consent<'_> {
    /// The document.
    pub fn render(&self) -> Html {
        let is_this_machine = ["127.0.0.1", "localhost", "[::1]"].iter().any(|name| {
            self.redirect_host.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
        });
        let main = html! {
            h1 { "Let this application act for you?" }
            div class="card" {
                dl {
                    dt { "Application" } dd { strong { (self.client_name) } br; small { "It chose this name itself." } }
                    dt { "Answer goes to" }
                    dd {
                        span class="code" { (self.redirect_host) }
                        @if is_this_machine { " " small { "(a program on the machine of this browser)" } }
                    }
                    dt { "Acts for" } dd { strong { (self.user_name) } }
                }
                p { "It will be able to:" }
                (scope::list(self.scopes))
                p { "Allow it only if you have just started it yourself." }
                (decision("/authorize", self.query, self.csrf))
            }
            p class="quiet" { "Not you? " a href="/signout" { "Sign out" } " first, then start again." }
        };
        self.frame.around(&Document {
            title: "Let this application act for you?",
            place: Place::Elsewhere,
            is_narrow: true,
            scripts: &[],
            main,
        })
    }
}

/// The form that lets in or turns away what `query` asks for.
pub(crate) fn decision(action: &str, query: &str, csrf: &str) -> Markup {
    html! {
        form method="post" action=(action) {
            (csrf_field(csrf))
            input type="hidden" name="query" value=(query);
            div class="row" {
                button class="main" type="submit" name="decision" value="allow" { "Allow" }
                button type="submit" name="decision" value="deny" { "Cancel" }
            }
        }
    }
}
