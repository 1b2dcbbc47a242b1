//! The console: who one is there, signing in to it, switching roles, and letting `aws login` in.
//!
//! The consoles of services do not exist here, and every page that might be taken for one says so.

mod landing;
mod login;
mod roles;
mod sign_in;
mod switch_role;

pub use landing::{Console, Way};
pub use login::{LoginCode, LoginConsent};
pub use roles::{OfferedAccount, RolePicker};
pub use sign_in::{AsWhom, Code, ConsoleSignIn, NewConsolePassword, SignInProblem};
pub use switch_role::SwitchRole;

use maud::{Markup, html};

/// The colours that AWS offers for switched roles, by name.
const COLORS: [(&str, &str); 6] = [
    ("f2b0a9", "Red"),
    ("fbbf93", "Orange"),
    ("fad791", "Yellow"),
    ("b7ca9d", "Green"),
    ("99bce3", "Blue"),
    ("d5dbdb", "Grey"),
];

/// A patch of a colour, six hexadecimal digits. A picture, because the policy allows no inline style.
fn swatch(color: &str) -> Markup {
    let is_color = color.len() == 6 && color.bytes().all(|byte| byte.is_ascii_hexdigit());
    html! {
        @if is_color {
            svg width="14" height="14" aria-hidden="true" focusable="false" {
                rect width="14" height="14" rx="3" fill={ "#" (color) } {}
            }
            " "
        }
    }
}
