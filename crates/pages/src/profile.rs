//! Profiles for `~/.aws/config`: one for each account and role.

use crate::format::section_name;
use crate::frame::{Document, Frame, Place};
use crate::portal::percent;
use crate::{Html, assets, text};
use maud::{Markup, html};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// The name template that is used when none is given.
pub const TEMPLATE: &str = "{account}-{role}";
/// Longest template, in characters.
pub const TEMPLATE_CHARACTERS_MAX: usize = 128;
/// What a template may name.
const PLACEHOLDERS: [&str; 4] = ["account", "account_id", "role", "region"];

/// Where tools sign in, and where they find the services.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// Name of the `sso-session` and `services` sections.
    pub name: String,
    /// The start URL that identifies the instance, whatever host serves it.
    pub start_url: String,
    /// Region of the instance.
    pub sso_region: String,
    /// Region that profiles use.
    pub region: String,
    /// Where this server's APIs are.
    pub endpoint_url: String,
    /// Services that this server has, by the names of the AWS CLI's `services` section.
    pub services: &'static [&'static str],
}

/// A profile: a role in an account, under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Name.
    pub name: String,
    /// The account.
    pub account_id: String,
    /// The role.
    pub role_name: String,
}

/// What is wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateProblem {
    /// The character where it goes wrong, from 1.
    pub position: usize,
    /// What.
    pub message: String,
}

/// A name template, such as `{account}-{role}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Placeholder(&'static str),
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// Where and why it is none.
    pub fn parse(text: &str) -> Result<Self, TemplateProblem> {
        let problem = |position: usize, message: String| Err(TemplateProblem { position: position + 1, message });
        if text.chars().count() > TEMPLATE_CHARACTERS_MAX {
            return problem(TEMPLATE_CHARACTERS_MAX, format!("has more than {TEMPLATE_CHARACTERS_MAX} characters"));
        }
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut characters = text.chars().enumerate();
        while let Some((at, c)) = characters.next() {
            match c {
                '{' => {
                    let rest: String = characters.clone().map(|(_, c)| c).collect();
                    let Some((name, _)) = rest.split_once('}') else {
                        return problem(at, "a “{” without its “}”".to_owned());
                    };
                    characters.nth(name.chars().count());
                    let Some(known) = PLACEHOLDERS.into_iter().find(|known| *known == name) else {
                        let known = PLACEHOLDERS.map(|known| format!("{{{known}}}")).join(", ");
                        return problem(at, format!("“{{{name}}}” is none of {known}"));
                    };
                    if !literal.is_empty() {
                        parts.push(Part::Text(std::mem::take(&mut literal)));
                    }
                    parts.push(Part::Placeholder(known));
                }
                '}' => return problem(at, "a “}” without its “{”".to_owned()),
                c if section_name(&format!("a{c}a")).contains(c) => literal.push(c),
                c => return problem(at, format!("“{c}” cannot be part of a name")),
            }
        }
        if !literal.is_empty() {
            parts.push(Part::Text(literal));
        }
        if !parts.iter().any(|part| matches!(part, Part::Placeholder(_))) {
            return problem(0, "names neither account nor role".to_owned());
        }
        Ok(Self(parts))
    }

    fn name(&self, account_name: &str, account_id: &str, role: &str, region: &str) -> String {
        let text: String = self
            .0
            .iter()
            .map(|part| match part {
                Part::Text(text) => text.clone(),
                Part::Placeholder("account") => section_name(account_name),
                Part::Placeholder("account_id") => account_id.to_owned(),
                Part::Placeholder("role") => role.to_owned(),
                Part::Placeholder(_) => region.to_owned(),
            })
            .collect();
        section_name(&text)
    }
}

impl Profile {
    /// A profile under the name that [`TEMPLATE`] gives.
    pub fn of(account_name: &str, account_id: &str, role_name: &str) -> Self {
        let name = section_name(&format!("{}-{role_name}", section_name(account_name)));
        Self { name, account_id: account_id.to_owned(), role_name: role_name.to_owned() }
    }
}

/// An account and a role that a profile is wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// Name of the account.
    pub account_name: &'a str,
    /// Its id.
    pub account_id: &'a str,
    /// The role.
    pub role_name: &'a str,
}

/// Profiles under names of `template`. Where several would have one name, each gets its account's id, and a number if
/// that is not enough, so that a name never depends on what else was assigned later.
pub fn profiles(template: &Template, region: &str, wanted: &[Wanted<'_>]) -> Vec<Profile> {
    let named = |each: &Wanted<'_>| template.name(each.account_name, each.account_id, each.role_name, region);
    let mut uses: BTreeMap<String, usize> = BTreeMap::new();
    for each in wanted {
        *uses.entry(named(each)).or_default() += 1;
    }
    let mut taken = BTreeSet::new();
    let of = |each: &Wanted<'_>| {
        let mut name = named(each);
        if uses.get(&name).is_some_and(|uses| *uses > 1) {
            let _ = write!(name, "-{}", each.account_id);
        }
        let base = name.clone();
        let mut number = 1;
        while !taken.insert(name.clone()) {
            number += 1;
            name = format!("{base}-{number}");
        }
        Profile { name, account_id: each.account_id.to_owned(), role_name: each.role_name.to_owned() }
    };
    wanted.iter().map(of).collect()
}

impl Site {
    /// The sections for `~/.aws/config`: the session, the services' addresses, and `profiles`.
    pub fn config(&self, profiles: &[Profile]) -> String {
        let name = section_name(&self.name);
        let mut out = format!(
            "[sso-session {name}]\nsso_start_url = {}\nsso_region = {}\nsso_registration_scopes = sso:account:access\n\n\
             [services {name}]\n",
            self.start_url, self.sso_region
        );
        for service in self.services {
            let _ = writeln!(out, "{service} =\n  endpoint_url = {}", self.endpoint_url);
        }
        for profile in profiles {
            let _ = write!(
                out,
                "\n[profile {}]\nsso_session = {name}\nsso_account_id = {}\nsso_role_name = {}\nregion = {}\n\
                 services = {name}\n",
                section_name(&profile.name),
                profile.account_id,
                profile.role_name,
                self.region
            );
        }
        out
    }
}

/// The page that makes profiles.
#[derive(Debug, Clone)]
pub struct Profiles<'a> {
    /// Surroundings.
    pub frame: Frame<'a>,
    /// The template as it was given.
    pub template: &'a str,
    /// What the accounts and roles were searched by.
    pub query: &'a str,
    /// Region that the profiles use.
    pub region: &'a str,
    /// The file, or what is wrong with the template.
    pub outcome: Result<File, TemplateProblem>,
}

/// A finished file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// How many profiles it has.
    pub count: usize,
    /// Name of the first one, as an example.
    pub example: Option<String>,
    /// Its text.
    pub text: String,
}

impl Profiles<'_> {
    /// The document.
    pub fn render(&self) -> Html {
        let main = html! {
            h1 { "Profiles for the AWS CLI" }
            p {
                "One profile for each account and role that you have. Add the text to " code { "~/.aws/config" } "; the AWS \
                 CLI 2.13 or later, the AWS SDKs and Terraform read it."
            }
            @if let Err(problem) = &self.outcome {
                div class="alert" role="alert" {
                    p {
                        strong { "There is a problem. " }
                        a href="#template" { "The name template, at character " (problem.position) ": " (problem.message) "." }
                    }
                }
            }
            (self.form())
            @if let Ok(file) = &self.outcome { (self.file(file)) }
        };
        self.frame.around(&Document {
            title: if self.outcome.is_err() { "Problem: Profiles for the AWS CLI" } else { "Profiles for the AWS CLI" },
            place: Place::Profiles,
            is_narrow: false,
            scripts: &[&assets::COPY],
            main,
        })
    }

    fn form(&self) -> Markup {
        html! {
            form class="card" method="get" action="/start/profiles" {
                div class="field" {
                    label for="template" { "Name of each profile" }
                    p id="template-hint" class="quiet" {
                        "Letters, digits and _.@+- with {account}, {account_id}, {role}, {region} in it."
                    }
                    input id="template" name="template" type="text" value=(self.template) maxlength=(TEMPLATE_CHARACTERS_MAX)
                        spellcheck="false" autocapitalize="none" aria-describedby="template-hint"
                        aria-invalid=[self.outcome.is_err().then_some("true")];
                }
                div class="field" {
                    label for="region" { "Region" }
                    input id="region" name="region" type="text" value=(self.region) maxlength="32" spellcheck="false"
                        autocapitalize="none";
                }
                div class="field" {
                    label for="q" { "Only accounts and roles with these words" }
                    input id="q" name="q" type="search" value=(self.query) maxlength="200" spellcheck="false";
                }
                button class="main" type="submit" { "Show the profiles" }
            }
        }
    }

    fn file(&self, file: &File) -> Markup {
        let Some(example) = &file.example else {
            return html! { p role="status" { "No account and no role matches." } };
        };
        let download = format!(
            "/start/profiles?download=1&template={}&region={}&q={}",
            percent(self.template),
            percent(self.region),
            percent(self.query)
        );
        html! {
            p role="status" { (text::count(file.count, "profile")) "." }
            p { a class="button" href=(download) { "Download as text" } }
            pre tabindex="0" { code data-copy="the profiles" { (file.text) } }
            p { "Then sign in once for all of them:" }
            pre tabindex="0" { code data-copy="the command" { "aws sso login --profile " (example) "\n" } }
            (sign_out(example))
        }
    }
}

/// How to sign out with the profile `name`. The AWS CLI finds this server through a profile only.
pub(crate) fn sign_out(name: &str) -> Markup {
    html! {
        p { "To sign out, name a profile too: without one the AWS CLI asks AWS itself, not this server." }
        pre tabindex="0" { code data-copy="the command to sign out" { "aws sso logout --profile " (name) "\n" } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site() -> Site {
        Site {
            name: "vestibule".to_owned(),
            start_url: "https://d-9067000000.awsapps.com/start".to_owned(),
            sso_region: "us-east-1".to_owned(),
            region: "eu-west-1".to_owned(),
            endpoint_url: "http://127.0.0.1:4600".to_owned(),
            services: &["sso_oidc", "sso", "sts"],
        }
    }

    fn wanted<'a>(account_name: &'a str, account_id: &'a str, role_name: &'a str) -> Wanted<'a> {
        Wanted { account_name, account_id, role_name }
    }

    #[test]
    fn a_file_has_the_sections_that_the_cli_reads() {
        let profile = Profile::of("Shop (EU)", "111122223333", "Admin");
        assert_eq!(
            site().config(&[profile]),
            "[sso-session vestibule]\nsso_start_url = https://d-9067000000.awsapps.com/start\nsso_region = us-east-1\n\
             sso_registration_scopes = sso:account:access\n\n[services vestibule]\n\
             sso_oidc =\n  endpoint_url = http://127.0.0.1:4600\nsso =\n  endpoint_url = http://127.0.0.1:4600\n\
             sts =\n  endpoint_url = http://127.0.0.1:4600\n\n[profile Shop-EU-Admin]\nsso_session = vestibule\n\
             sso_account_id = 111122223333\nsso_role_name = Admin\nregion = eu-west-1\nservices = vestibule\n"
        );
    }

    #[test]
    fn names_that_collide_are_told_apart_whatever_their_order() {
        let template = Template::parse("{account}-{role}").expect("valid");
        let all = [
            wanted("Shop", "111111111111", "Admin"),
            wanted("shop", "222222222222", "Admin"),
            wanted("Shop", "333333333333", "Admin"),
            wanted("Shop", "111111111111", "Admin"),
        ];
        let names: Vec<String> = profiles(&template, "r", &all).into_iter().map(|profile| profile.name).collect();
        assert_eq!(
            names,
            ["Shop-Admin-111111111111", "shop-Admin", "Shop-Admin-333333333333", "Shop-Admin-111111111111-2"]
        );
    }

    #[test]
    fn a_bad_template_is_pointed_at() {
        let position = |text| Template::parse(text).expect_err("invalid").position;
        assert_eq!(position("{account}-{rôle}"), 11);
        assert_eq!(position("{account} {role}"), 10);
        assert_eq!(position("a}"), 2);
        assert_eq!(position("x-{account"), 3);
        assert_eq!(position("plain"), 1);
        assert_eq!(position("x]{role}"), 2);
        assert!(Template::parse("{account_id}.{role}@{region}").is_ok());
    }
}
