//! Choosing among the roles that an identity provider offers.

use crate::Html;
use crate::frame::{Document, Frame, Place};
use maud::html;

/// An account with the roles that are offered in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedAccount {
    /// Id.
    pub id: String,
    /// Name or alias, where the account is known.
    pub name: Option<String>,
    /// ARNs of the roles.
    pub roles: Vec<String>,
}

/// The page on which a role is chosen. Command-line tools read it, too: `fieldset > div.saml-account`, the account's name
/// in `div.saml-account-name`, and a label for each role's ARN.
#[derive(Debug, Clone)]
pub struct RolePicker<'a> {
    /// Surroundings.
    pub frame: Frame<'a>,
    /// The accounts.
    pub accounts: &'a [OfferedAccount],
    /// The response, which proves the choice again.
    pub response: &'a str,
    /// Where to go afterwards.
    pub relay_state: &'a str,
    /// What came of the last choice.
    pub problem: Option<&'a str>,
}

impl RolePicker<'_> {
    /// The document.
    pub fn render(&self) -> Html {
        let main = html! {
            h1 { "Select a role" }
            @if let Some(problem) = self.problem {
                div class="alert" role="alert" { p { strong { "There is a problem. " } (problem) } }
            }
            form id="saml_form" class="card" name="saml_form" method="post" action="/saml" {
                input type="hidden" name="SAMLResponse" value=(self.response);
                input type="hidden" name="RelayState" value=(self.relay_state);
                fieldset {
                    legend class="hidden-visually" { "Role" }
                    @for account in self.accounts {
                        div class="saml-account" {
                            div class="saml-account-name" {
                                "Account: "
                                @match &account.name {
                                    Some(name) => { (name) " (" (account.id) ")" }
                                    None => (account.id),
                                }
                            }
                            @for role in &account.roles {
                                div class="saml-role" {
                                    input id=(role) type="radio" name="roleIndex" value=(role) required;
                                    " " label for=(role) { (role.rsplit('/').next().unwrap_or(role)) }
                                }
                            }
                        }
                    }
                }
                button class="main" type="submit" { "Sign in" }
            }
        };
        self.frame.around(&Document {
            title: "Select a role",
            place: Place::Elsewhere,
            is_narrow: true,
            scripts: &[],
            main,
        })
    }
}
