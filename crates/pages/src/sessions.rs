//! The sessions of whoever is signed in.

use crate::Html;
use crate::frame::{Document, Frame, Place, csrf_field};
use crate::text;
use base::Timestamp;
use maud::{Markup, html};

/// A session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Id.
    pub id: String,
    /// The name of the tool, for the session of one; `None`: a browser.
    pub tool: Option<String>,
    /// Where it began.
    pub source_ip: String,
    /// The User-Agent with which it began.
    pub user_agent: String,
    /// Since when.
    pub created_at: Timestamp,
    /// When it was used last.
    pub last_seen_at: Timestamp,
    /// Until when at most.
    pub expires_at: Timestamp,
    /// Whether it is the session of this browser.
    pub is_current: bool,
}

/// The page with all sessions.
#[derive(Debug, Clone)]
pub struct Sessions<'a> {
    /// Surroundings.
    pub frame: Frame<'a>,
    /// The sessions, newest first.
    pub sessions: &'a [Session],
    /// The present instant.
    pub now: Timestamp,
    /// Token of the forms.
    pub csrf: &'a str,
}

impl Sessions<'_> {
    /// The document.
    pub fn render(&self) -> Html {
        let others = self.sessions.iter().filter(|session| !session.is_current).count();
        let main = html! {
            h1 { "Your sessions" }
            p {
                "Browsers in which you are signed in, and tools that you let in. If you do not know one, end it, and ask \
                 your administrator for a new password."
            }
            div class="scroll" tabindex="0" role="region" aria-label="Sessions" {
                table {
                    thead { tr { th scope="col" { "What" } th scope="col" { "From" } th scope="col" { "Since" }
                        th scope="col" { "Last used" } th scope="col" { "Ends" } th scope="col" { "Action" } } }
                    tbody { @for session in self.sessions { (self.row(session)) } }
                }
            }
            @if others > 0 {
                form method="post" action="/start/sessions/end-others" {
                    (csrf_field(self.csrf))
                    button class="danger" type="submit" { "End all other sessions" }
                }
            } @else {
                p { "There are no others." }
            }
        };
        self.frame.around(&Document {
            title: "Your sessions",
            place: Place::Sessions,
            is_narrow: false,
            scripts: &[],
            main,
        })
    }

    fn row(&self, session: &Session) -> Markup {
        html! {
            tr {
                th scope="row" {
                    @match &session.tool {
                        Some(tool) => (tool),
                        None => "Browser",
                    }
                    @if session.is_current { " (this one)" }
                    br; small { (session.user_agent) }
                }
                td class="code" { (session.source_ip) }
                td { (text::instant(session.created_at)) }
                td { (text::age(session.last_seen_at, self.now)) }
                td { (text::instant(session.expires_at)) }
                td {
                    @if session.is_current {
                        a href="/signout" { "Sign out" }
                    } @else {
                        form method="post" action="/start/sessions/end" {
                            (csrf_field(self.csrf))
                            button name="session" value=(session.id) {
                                "End" span class="hidden-visually" {
                                    " " (session.tool.as_deref().unwrap_or("the browser")) " from " (session.source_ip)
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
