//! What is around every page: head, header with the ways to go, main part, footer.

use crate::Html;
use crate::assets::{self, Asset};
use maud::{DOCTYPE, Markup, html};

/// What the surroundings of a page need to know.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// Id of the request, for questions to whoever runs the server.
    pub request_id: &'a str,
    /// Name of the signed-in user.
    pub user: Option<&'a str>,
}

/// The places that the header offers to whoever is signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Accounts,
    Profiles,
    Sessions,
    Elsewhere,
}

const PLACES: [(Place, &str, &str); 3] = [
    (Place::Accounts, "/start", "Accounts"),
    (Place::Profiles, "/start/profiles", "Command-line profiles"),
    (Place::Sessions, "/start/sessions", "Sessions"),
];

/// A page to be put into its frame.
pub(crate) struct Document<'a> {
    pub title: &'a str,
    pub place: Place,
    /// Whether it is one narrow column: forms.
    pub is_narrow: bool,
    pub scripts: &'a [&'a Asset],
    pub main: Markup,
}

impl Frame<'_> {
    pub(crate) fn around(&self, document: &Document<'_>) -> Html {
        let markup = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="robots" content="noindex";
                    title { (document.title) " · Vestibule" }
                    link rel="icon" href="data:,";
                    link rel="stylesheet" href=(assets::STYLE.path());
                    @for script in document.scripts {
                        script type="module" src=(script.path()) {}
                    }
                }
                body {
                    a class="skip" href="#main" { "Skip to the content" }
                    (self.header(document.place))
                    main id="main" class=[document.is_narrow.then_some("narrow")] {
                        (document.main)
                    }
                    footer { small { "Request " code { (self.request_id) } } }
                }
            }
        };
        Html(markup.into_string())
    }

    fn header(&self, place: Place) -> Markup {
        html! {
            header class="top" {
                div {
                    a class="brand" href="/start" { "Vestibule" }
                    @if let Some(user) = self.user {
                        nav aria-label="Portal" {
                            ul {
                                @for (each, path, label) in PLACES {
                                    li { a href=(path) aria-current=[(each == place).then_some("page")] { (label) } }
                                }
                            }
                        }
                        span class="who" {
                            "Signed in as " strong { (user) } " · " a href="/signout" { "Sign out" }
                        }
                    }
                }
            }
        }
    }
}

/// The hidden field that proves that a form came from a page of ours.
pub(crate) fn csrf_field(token: &str) -> Markup {
    html! { input type="hidden" name="csrf" value=(token); }
}

/// A summary of what is wrong with a form, with a link to the field.
pub(crate) fn form_error(field: &str, message: &str) -> Markup {
    html! {
        div class="alert" role="alert" {
            p { strong { "There is a problem. " } a href={ "#" (field) } { (message) } }
        }
    }
}
