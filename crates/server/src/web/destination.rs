//! Where to go after signing in.

use super::answer::Failure;
use super::authorize;
use super::visit::Visit;
use pages::sign_in::Purpose;
use sso::instance::Instance;

/// Longest address that is kept.
const LENGTH_MAX: usize = 4_096;
/// The pages that signing in may lead to.
const PAGES: [&str; 3] = ["/start", "/device", "/authorize"];

/// A path of this server, with its query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Destination(String);

impl Default for Destination {
    fn default() -> Self {
        Self(PAGES[0].to_owned())
    }
}

/// What a destination means for whoever signs in.
pub(super) struct Meaning {
    /// What for.
    pub(super) purpose: Purpose,
    /// Where.
    pub(super) instance: Instance,
    /// The origin to which the browser goes on from there.
    pub(super) onward: Option<String>,
}

impl Destination {
    /// `text` when it is one of [`PAGES`]; anything else means the portal, so that no link sends people elsewhere.
    pub(super) fn of(text: &str) -> Self {
        if text.len() <= LENGTH_MAX && is_plain(text) && is_one_of(&PAGES, text) {
            Self(text.to_owned())
        } else {
            Self::default()
        }
    }

    /// Path and query.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// What it means.
    pub(super) fn meaning(&self, visit: &Visit) -> Result<Meaning, Failure> {
        let (path, query) = self.0.split_once('?').unwrap_or((&self.0, ""));
        let values = super::form::Values::parse(query.as_bytes());
        let purpose = match path {
            "/device" => Purpose::Device { user_code: values.get("user_code").map(shown_code) },
            "/authorize" => {
                if let Some(request) = authorize::request_of(visit, query)? {
                    return Ok(Meaning {
                        purpose: Purpose::Application {
                            client_name: request.client_name,
                            redirect_host: authorize::host_of(&request.redirect_origin).to_owned(),
                        },
                        instance: visit.instance_of(&request.instance)?,
                        onward: Some(request.redirect_origin),
                    });
                }
                Purpose::Portal
            }
            _ => Purpose::Portal,
        };
        Ok(Meaning { purpose, instance: visit.instance(values.get("instance"))?, onward: None })
    }
}

/// Whether browsers read `text` as it stands: nothing in it is passed over or turned round.
pub(super) fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| (0x21..0x7f).contains(&byte) && byte != b'\\')
}

/// Whether `path` is one of `pages`, or below one, with or without a query.
pub(super) fn is_one_of(pages: &[&str], path: &str) -> bool {
    pages.iter().any(|page| path.strip_prefix(page).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?'])))
}

/// As much of a code as is worth showing before anybody is signed in.
fn shown_code(code: &str) -> String {
    code.chars().take(16).collect::<String>().to_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_link_leads_elsewhere() {
        for good in ["/start", "/start/", "/start/sessions", "/device?user_code=ABCD-EFGH", "/authorize?state=%20"] {
            assert_eq!(Destination::of(good).as_str(), good);
        }
        let long = format!("/start?q={}", "x".repeat(LENGTH_MAX));
        for bad in [
            "",
            "//evil.example/start",
            "/\\evil.example",
            "https://evil.example/start",
            "/startle",
            "/start\r\nSet-Cookie: a=b",
            "/start?\\x",
            "/signout",
            "start",
            " /start",
            "/start?é",
            &long,
        ] {
            assert_eq!(Destination::of(bad), Destination::default(), "{bad}");
        }
    }
}
