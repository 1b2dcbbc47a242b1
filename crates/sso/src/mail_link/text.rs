//! The mails.

use super::Purpose;
use identity::user::User;
use kernel::App;

/// A mail without its address.
pub(super) struct Letter {
    pub(super) subject: &'static str,
    pub(super) body: String,
}

/// The address of the server as people reach it, whatever a request calls it: links lead there and nowhere else.
pub(super) fn base_url(app: &App) -> String {
    app.settings.base_url.trim_end_matches('/').to_owned()
}

/// How the user is greeted, on one line.
fn name(user: &User) -> String {
    line(user.display_name.as_deref().unwrap_or(&user.user_name))
}

fn line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The mail that carries `link`.
pub(super) fn with_link(purpose: Purpose, user: &User, link: &str, portal: &str) -> Letter {
    let (name, user_name) = (name(user), line(&user.user_name));
    match purpose {
        Purpose::Invitation => Letter {
            subject: "Invitation to join AWS IAM Identity Center",
            body: format!(
                "Hello {name},\n\nyour administrator has made a user for you, with which you sign in to AWS accounts.\n\n\
                 User name: {user_name}\nPortal: {portal}\n\n\
                 Accept the invitation and choose a password, within seven days and once:\n\n{link}\n\n\
                 If you did not expect this, do nothing.\n"
            ),
        },
        Purpose::PasswordReset => Letter {
            subject: "Choose a new password",
            body: format!(
                "Hello {name},\n\na new password was asked for, for your user {user_name} at {portal}.\n\n\
                 Choose it here, within one hour and once:\n\n{link}\n\n\
                 If you did not expect this, do nothing: your password stays as it is.\n"
            ),
        },
        Purpose::EmailVerification => Letter {
            subject: "Confirm your e-mail address",
            body: format!(
                "Hello {name},\n\nthis is the address of your user {user_name} at {portal}.\n\n\
                 Confirm that mail arrives here, within one day and once:\n\n{link}\n\n\
                 If you do not know this user, do nothing.\n"
            ),
        },
    }
}

/// Tells the user that the password is another one.
pub(super) fn password_changed(user: &User, portal: &str) -> Letter {
    let (name, user_name) = (name(user), line(&user.user_name));
    Letter {
        subject: "Your password was changed",
        body: format!(
            "Hello {name},\n\nyour password was changed: that of your user {user_name} at {portal}. \
             Whoever was signed in as you no longer is.\n\n\
             If that was not you, tell your administrator at once.\n"
        ),
    }
}
