//! Access keys of a role, for those who cannot use a profile.

use crate::format::{RoleCredentials, Shell};
use crate::frame::{Document, Frame, Place, csrf_field};
use crate::profile::{self, Profile, Site};
use crate::{Html, assets, text};
use base::Timestamp;
use maud::{Markup, html};

/// Asks before keys are made: where a link leads, which must not make any.
#[derive(Debug, Clone)]
pub struct Question<'a> {
    /// Surroundings.
    pub frame: Frame<'a>,
    /// The account.
    pub account_id: &'a str,
    /// The role.
    pub role_name: &'a str,
    /// Token of the form.
    pub csrf: &'a str,
}

impl Question<'_> {
    /// The document.
    pub fn render(&self) -> Html {
        let main = html! {
            h1 { "Access keys" }
            form class="card" method="post" action="/start/credentials" {
                (csrf_field(self.csrf))
                p { "For the role " strong { (self.role_name) } " in account " strong class="code" { (self.account_id) } "." }
                button class="main" name="role" value={ (self.account_id) "/" (self.role_name) } { "Show access keys" }
            }
        };
        self.frame.around(&Document {
            title: "Access keys",
            place: Place::Accounts,
            is_narrow: true,
            scripts: &[],
            main,
        })
    }
}

/// Shows access keys in every form.
#[derive(Debug, Clone)]
pub struct Credentials<'a> {
    /// Surroundings.
    pub frame: Frame<'a>,
    /// The account.
    pub account_id: &'a str,
    /// Its name.
    pub account_name: &'a str,
    /// The role.
    pub role_name: &'a str,
    /// The keys.
    pub keys: &'a RoleCredentials,
    /// Where tools sign in.
    pub site: &'a Site,
    /// The present instant.
    pub now: Timestamp,
    /// Token of the form that makes new keys.
    pub csrf: &'a str,
}

impl Credentials<'_> {
    /// The document.
    pub fn render(&self) -> Html {
        let main = html! {
            h1 { "Access keys for " (self.role_name) }
            p {
                "In account " strong { (self.account_name) } " " span class="code" { (self.account_id) } ". They end "
                (text::until(self.keys.expires_at, self.now)) ", at " (text::instant(self.keys.expires_at)) "."
            }
            (self.recommended())
            h2 { "Keys for this session only" }
            p { "Whoever has them can do what the role may until they end. Open the form that you need." }
            @for shell in Shell::ALL {
                (block(shell.name(), &format!("the commands for {}", shell.name()), &self.keys.environment(shell)))
            }
            (block("AWS credentials file", "the section", &self.keys.credentials_file(&self.file_profile())))
            (block("JSON (credential_process)", "the JSON", &self.keys.json()))
            (self.single_values())
            form method="post" action="/start/credentials" {
                (csrf_field(self.csrf))
                div class="row" {
                    button name="role" value={ (self.account_id) "/" (self.role_name) } { "Make new keys" }
                    a class="button" href="/start" { "Back to your accounts" }
                }
            }
        };
        self.frame.around(&Document {
            title: &format!("Access keys for {}", self.role_name),
            place: Place::Accounts,
            is_narrow: false,
            scripts: &[&assets::COPY],
            main,
        })
    }

    fn file_profile(&self) -> String {
        format!("{}_{}", self.account_id, self.role_name)
    }

    fn recommended(&self) -> Markup {
        let profile = Profile::of(self.account_name, self.account_id, self.role_name);
        html! {
            details open {
                summary { "Recommended: a profile that renews its keys" }
                div {
                    p { "Add this to " code { "~/.aws/config" } " (AWS CLI 2.13 or later):" }
                    pre tabindex="0" { code data-copy="the profile" { (self.site.config(std::slice::from_ref(&profile))) } }
                    p { "Then sign in and try it:" }
                    pre tabindex="0" {
                        code data-copy="the commands" {
                            "aws sso login --profile " (profile.name) "\naws sts get-caller-identity --profile " (profile.name) "\n"
                        }
                    }
                    (profile::sign_out(&profile.name))
                }
            }
        }
    }

    fn single_values(&self) -> Markup {
        let values = [
            ("AWS access key ID", self.keys.access_key_id.as_str()),
            ("AWS secret access key", self.keys.secret_access_key.expose()),
            ("AWS session token", self.keys.session_token.expose()),
            ("Endpoint", self.keys.endpoint_url.as_str()),
            ("Region", self.keys.region.as_str()),
        ];
        html! {
            details {
                summary { "Individual values" }
                div {
                    @for (label, value) in values {
                        p { strong { (label) } }
                        pre tabindex="0" { code data-copy={ "the " (label) } { (value) } }
                    }
                }
            }
        }
    }
}

fn block(summary: &str, what: &str, text: &str) -> Markup {
    html! {
        details {
            summary { (summary) }
            div { pre tabindex="0" { code data-copy=(what) { (text) } } }
        }
    }
}
