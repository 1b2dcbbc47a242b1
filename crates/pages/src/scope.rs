//! What access scopes mean, in words.

use maud::{Markup, html};

/// What a tool may do that has `scope`.
fn meaning(scope: &str) -> Option<&'static str> {
    match scope {
        "sso:account:access" => Some("see your AWS accounts and roles, and use them as you"),
        "openid" => Some("learn who you are"),
        "aws" => Some("use AWS services as you"),
        _ => None,
    }
}

/// The scopes of a tool, in words; one that names none uses accounts and roles, as older tools do.
pub(crate) fn list(scopes: &[String]) -> Markup {
    const OF_OLD_TOOLS: &str = "see your AWS accounts and roles, and use them as you";
    html! {
        ul class="rules" {
            @if scopes.is_empty() { li { (OF_OLD_TOOLS) } }
            @for scope in scopes {
                @match meaning(scope) {
                    Some(meaning) => li { (meaning) " " small { "(" code { (scope) } ")" } }
                    None => li { "use " code { (scope) } }
                }
            }
        }
    }
}
