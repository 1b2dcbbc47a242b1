//! Who one is in the console.

use super::swatch;
use crate::Html;
use crate::frame::{Document, Frame, Place, csrf_field};
use crate::text::{instant, until};
use base::Timestamp;
use maud::{Markup, html};

/// How somebody came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From the portal.
    IdentityCenter,
    /// With an assertion of a SAML provider.
    Saml,
    /// Through the federation endpoint.
    Federation,
    /// With an IAM user's password.
    User,
    /// With a root user's password.
    Root,
    /// By switching to a role.
    SwitchedRole,
}

impl Way {
    fn text(self) -> &'static str {
        match self {
            Self::IdentityCenter => "IAM Identity Center",
            Self::Saml => "a SAML identity provider",
            Self::Federation => "temporary credentials (federation endpoint)",
            Self::User => "the password of an IAM user",
            Self::Root => "the password of the root user",
            Self::SwitchedRole => "a switched role",
        }
    }
}

/// The page on which everybody lands.
#[derive(Debug, Clone)]
pub struct Console<'a> {
    /// Surroundings.
    pub frame: Frame<'a>,
    /// ARN of the principal.
    pub arn: &'a str,
    /// Id of the account.
    pub account_id: &'a str,
    /// Its name.
    pub account_name: &'a str,
    /// Its alias.
    pub account_alias: Option<&'a str>,
    /// How the session began.
    pub way: Way,
    /// The name that somebody gave a switched role; may be empty.
    pub shown_name: &'a str,
    /// The colour of a switched role; may be empty.
    pub color: &'a str,
    /// ARN of whom one switches back to.
    pub base_arn: Option<&'a str>,
    /// Whether a second factor was given.
    pub has_second_factor: bool,
    /// When it ends.
    pub ends_at: Timestamp,
    /// The present.
    pub now: Timestamp,
    /// The page of a console that was wanted.
    pub destination: Option<&'a str>,
    /// Token of the forms.
    pub csrf: &'a str,
}

impl Console<'_> {
    /// The document.
    pub fn render(&self) -> Html {
        let main = html! {
            h1 { "You are in the console" }
            (self.wanted())
            div class="card" {
                (self.facts())
                div class="row" {
                    @if self.way != Way::Root { a class="button" href="/switchrole" { "Switch role" } }
                    @if self.base_arn.is_some() {
                        form method="post" action="/switchrole/back" {
                            (csrf_field(self.csrf))
                            button type="submit" { "Switch back" }
                        }
                    }
                    form method="post" action="/console/signout" {
                        (csrf_field(self.csrf))
                        button type="submit" { "Sign out of the console" }
                    }
                }
            }
            h2 { "Consoles are not part of this build" }
            p {
                "There are no pages of services here. What a console does can be done with the AWS CLI, the AWS SDKs and \
                 Terraform: with “aws login”, tools get the permissions of this session."
            }
            p { a href="/start" { "Go to your accounts" } }
        };
        self.frame.around(&Document {
            title: "Console",
            place: Place::Elsewhere,
            is_narrow: true,
            scripts: &[&crate::assets::COPY],
            main,
        })
    }

    fn wanted(&self) -> Markup {
        html! {
            @if let Some(destination) = self.destination {
                div class="notice" {
                    p { "You wanted to open " span class="code" { (destination) } ", which does not exist here." }
                }
            }
            @if self.way == Way::Root {
                div class="notice" {
                    p { "You are the root user, whom no policy of this account limits. Use it only for what nobody else can do." }
                }
            }
        }
    }

    fn facts(&self) -> Markup {
        html! {
            dl {
                dt { "You are" } dd { span class="code" data-copy="the ARN" { (self.arn) } }
                @if !self.shown_name.is_empty() || !self.color.is_empty() {
                    dt { "Shown as" } dd { (swatch(self.color)) (self.shown_name) }
                }
                dt { "Account" }
                dd {
                    strong { (self.account_name) } " " span class="code" { (self.account_id) }
                    @if let Some(alias) = self.account_alias { " (" (alias) ")" }
                }
                dt { "Through" } dd { (self.way.text()) @if self.has_second_factor { ", with a second factor" } }
                @if let Some(base) = self.base_arn {
                    dt { "Switched from" } dd { span class="code" { (base) } }
                }
                dt { "Ends" } dd { (until(self.ends_at, self.now)) ", at " (instant(self.ends_at)) }
            }
        }
    }
}
