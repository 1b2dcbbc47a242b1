//! The accounts and roles of whoever is signed in.

use crate::frame::{Document, Frame, Place, csrf_field};
use crate::{Html, assets, text};
use maud::{Markup, html};

/// Accounts that one page shows; more are reached by the search and page by page.
pub const ACCOUNTS_PER_PAGE: usize = 500;
/// Roles of an account that are seen without opening anything.
const ROLES_SHOWN: usize = 6;
/// Most roles of a page that each have a link to the console: more would make the page of somebody with a thousand roles
/// a third larger.
const CONSOLE_LINKS_MAX: usize = 200;

/// An account with the roles that the user has in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// E-mail address of the owner.
    pub email: String,
    /// Names of the organizational units above it, from the root down.
    pub path: Vec<String>,
    /// The roles, by name.
    pub roles: Vec<Role>,
}

/// A role that can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Name of the permission set.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Whether the role stands in the account already.
    pub is_ready: bool,
}

/// What the portal says above the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Banner {
    /// Organizations does not let IAM Identity Center reach the accounts.
    TrustedAccessOff,
}

/// The portal.
#[derive(Debug, Clone)]
pub struct Portal<'a> {
    /// Surroundings.
    pub frame: Frame<'a>,
    /// Every account of the user, by name.
    pub accounts: &'a [Account],
    /// What is searched for.
    pub query: &'a str,
    /// Which page of the result, from 1.
    pub page: usize,
    /// What is to be said first.
    pub banner: Option<Banner>,
    /// Whether there are consoles to open.
    pub has_console: bool,
    /// Token of the form.
    pub csrf: &'a str,
}

/// An account of the result with those of its roles that match.
struct Match<'a> {
    account: &'a Account,
    roles: Vec<&'a Role>,
}

/// The accounts and roles that have every word of `query`: a word counts when the account has it in its id, name,
/// address or path, or the role in its name.
fn search<'a>(accounts: &'a [Account], query: &str) -> Vec<Match<'a>> {
    let query = query.to_lowercase();
    let words: Vec<&str> = query.split_whitespace().collect();
    let found = accounts.iter().map(|account| {
        let open: Vec<&str> = if words.is_empty() {
            Vec::new()
        } else {
            let own = format!("{}\n{}\n{}\n{}", account.id, account.name, account.email, account.path.join("\n"));
            let own = own.to_lowercase();
            words.iter().copied().filter(|word| !own.contains(word)).collect()
        };
        let has = |role: &&Role| {
            open.is_empty() || {
                let name = role.name.to_lowercase();
                open.iter().all(|word| name.contains(word))
            }
        };
        Match { account, roles: account.roles.iter().filter(has).collect() }
    });
    found.filter(|found| !found.roles.is_empty()).collect()
}

impl Portal<'_> {
    /// The document.
    pub fn render(&self) -> Html {
        let found = search(self.accounts, self.query);
        let pages = found.len().div_ceil(ACCOUNTS_PER_PAGE).max(1);
        let page = self.page.clamp(1, pages);
        let start = (page - 1) * ACCOUNTS_PER_PAGE;
        let shown = &found[start..found.len().min(start + ACCOUNTS_PER_PAGE)];
        let main = html! {
            h1 { "Your AWS accounts" }
            (self.banner())
            @if self.accounts.is_empty() {
                (self.nothing())
            } @else {
                (self.search_form())
                p { span data-count role="status" { (counts(&found)) } }
                @if found.is_empty() {
                    p { "No account and no role matches. " a href="/start" { "Show all" } }
                }
                @if self.has_console && !self.links_to_console(shown) {
                    p class="quiet" { "Search for a role to open the console in it." }
                }
                (self.list(shown, shown.len() == self.accounts.len()))
                @if pages > 1 { (self.pager(page, pages)) }
            }
            p class="quiet" {
                a href="/device" { "Let a device in by its code" } " · "
                a href="/start/profiles" { "Profiles for the AWS CLI" }
            }
        };
        self.frame.around(&Document {
            title: "Your AWS accounts",
            place: Place::Accounts,
            is_narrow: false,
            scripts: &[&assets::FRAGMENT, &assets::FILTER],
            main,
        })
    }

    fn banner(&self) -> Markup {
        match self.banner {
            None => html! {},
            Some(Banner::TrustedAccessOff) => html! {
                div class="alert" role="alert" {
                    h2 { "Your accounts cannot be reached at present" }
                    p {
                        "Trusted access of IAM Identity Center is off in AWS Organizations, so no account can be used from \
                         here. Nothing is lost: once an administrator of the organization enables it again, everything \
                         is as it was."
                    }
                }
            },
        }
    }

    fn nothing(&self) -> Markup {
        html! {
            @if self.banner.is_none() {
                div class="card" {
                    h2 { "Nothing is assigned to you yet" }
                    p {
                        "No account and role was assigned to you or to a group that you are in. Ask your administrator; \
                         a new assignment appears here when you load this page again."
                    }
                }
            }
        }
    }

    fn search_form(&self) -> Markup {
        html! {
            search {
                form class="row card" method="get" action="/start" {
                    div class="grow" {
                        label for="q" { "Search accounts and roles" }
                        input id="q" name="q" type="search" value=(self.query) maxlength="200" autocomplete="off"
                            spellcheck="false" data-filter;
                    }
                    button type="submit" { "Search" }
                    @if !self.query.is_empty() { a class="button" href="/start" { "Show all" } }
                }
            }
        }
    }

    fn links_to_console(&self, shown: &[Match<'_>]) -> bool {
        self.has_console && shown.iter().map(|found| found.roles.len()).sum::<usize>() <= CONSOLE_LINKS_MAX
    }

    /// One form for all roles: the button says which.
    fn list(&self, shown: &[Match<'_>], is_all: bool) -> Markup {
        let has_links = self.links_to_console(shown);
        html! {
            p data-none hidden { "No account and no role matches." }
            form method="post" action="/start/credentials" {
                (csrf_field(self.csrf))
                ul class="accounts" data-accounts=(if is_all { "all" } else { "part" }) {
                    @for found in shown { (self.account(found, has_links)) }
                }
            }
        }
    }

    fn account(&self, found: &Match<'_>, has_links: bool) -> Markup {
        let account = found.account;
        let (first, more) = found.roles.split_at(found.roles.len().min(ROLES_SHOWN));
        html! {
            li {
                div data-own {
                    h2 { (account.name) }
                    p {
                        span class="code" { (account.id) } br; (account.email)
                        @if !account.path.is_empty() { br; (account.path.join(" / ")) }
                    }
                }
                ul { @for role in first { (role_of(account, role, has_links)) } }
                @if !more.is_empty() {
                    details open[!self.query.is_empty()] {
                        summary { (more.len()) " more" }
                        ul { @for role in more { (role_of(account, role, has_links)) } }
                    }
                }
            }
        }
    }

    fn pager(&self, page: usize, pages: usize) -> Markup {
        let address = |page: usize| format!("/start?q={}&page={page}", percent(self.query));
        html! {
            nav class="row" aria-label="Pages" {
                @if page > 1 { a class="button" href=(address(page - 1)) { "Previous" } }
                span { "Page " (page) " of " (pages) }
                @if page < pages { a class="button" href=(address(page + 1)) { "Next" } }
            }
        }
    }
}

fn role_of(account: &Account, role: &Role, has_link: bool) -> Markup {
    html! {
        li data-role {
            @if role.is_ready {
                button name="role" value={ (account.id) "/" (role.name) } {
                    b { (role.name) } small { "Access keys" }
                }
                @if has_link {
                    " " a href={ "/start/console?account_id=" (account.id) "&role_name=" (role.name) } {
                        "Console" span class="hidden-visually" { " as " (role.name) }
                    }
                }
            } @else {
                button type="button" disabled { b { (role.name) } small { "is being set up" } }
            }
            @if let Some(description) = role.description.as_deref().filter(|text| !text.is_empty()) {
                " " small { (description) }
            }
        }
    }
}

fn counts(found: &[Match<'_>]) -> String {
    let roles = found.iter().map(|found| found.roles.len()).sum();
    format!("{}, {}", text::count(found.len(), "account"), text::count(roles, "role"))
}

/// As a value in a query (RFC 3986: everything but the unreserved characters is encoded).
pub(crate) fn percent(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(id: &str, name: &str, roles: &[&str]) -> Account {
        let role = |name: &&str| Role { name: (*name).to_owned(), description: None, is_ready: true };
        Account {
            id: id.to_owned(),
            name: name.to_owned(),
            email: format!("{}@example.com", name.to_lowercase()),
            path: vec!["Workloads".to_owned(), "Production".to_owned()],
            roles: roles.iter().map(role).collect(),
        }
    }

    fn found(accounts: &[Account], query: &str) -> Vec<String> {
        let all = search(accounts, query);
        all.iter().flat_map(|m| m.roles.iter().map(|role| format!("{}/{}", m.account.name, role.name))).collect()
    }

    #[test]
    fn every_word_must_be_met_by_the_account_or_the_role() {
        let accounts =
            [account("111111111111", "Shop", &["Admin", "ReadOnly"]), account("222222222222", "Bank", &["Admin"])];
        assert_eq!(found(&accounts, "").len(), 3);
        assert_eq!(found(&accounts, " SHOP  read "), ["Shop/ReadOnly"]);
        assert_eq!(found(&accounts, "production admin"), ["Shop/Admin", "Bank/Admin"]);
        assert_eq!(found(&accounts, "2222 shop"), Vec::<String>::new());
    }

    #[test]
    fn an_address_keeps_hostile_text_in_its_place() {
        assert_eq!(percent("a&b=c \"<é"), "a%26b%3Dc%20%22%3C%C3%A9");
    }
}
