//! The place of the consoles, which this build does not have.

use crate::Html;
use crate::frame::{Document, Frame, Place};
use maud::html;

/// Says that there is no console, and what there is instead.
#[derive(Debug, Clone)]
pub struct NoConsole<'a> {
    /// Surroundings.
    pub frame: Frame<'a>,
    /// Account and role that the link named.
    pub role: Option<(&'a str, &'a str)>,
}

impl NoConsole<'_> {
    /// The document.
    pub fn render(&self) -> Html {
        let main = html! {
            h1 { "Consoles are not part of this build" }
            p {
                "This server has no console. What a console does can be done with the AWS CLI, the AWS SDKs and Terraform."
            }
            @if let Some((account, role)) = self.role {
                form class="card" method="get" action="/start/credentials" {
                    input type="hidden" name="account_id" value=(account);
                    input type="hidden" name="role_name" value=(role);
                    p { "You asked for the role " strong { (role) } " in account " strong class="code" { (account) } "." }
                    button class="main" type="submit" { "Access keys for this role" }
                }
            }
            p { a href="/start" { "Go to your accounts" } }
        };
        self.frame.around(&Document {
            title: "Consoles are not part of this build",
            place: Place::Elsewhere,
            is_narrow: true,
            scripts: &[],
            main,
        })
    }
}
