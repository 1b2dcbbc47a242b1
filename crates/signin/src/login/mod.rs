//! `aws login`: command-line tools get short credentials of whoever uses the console (OAuth 2.0 with PKCE, and proofs of
//! possession: RFC 6749, RFC 7636, RFC 9449, in AWS's shape).
//!
//! A tool sends the browser to [`authorization`]; with the code that it gets back it asks [`token`] for credentials, and
//! renews them with refresh tokens that are good once and only with the key that was shown first.

pub mod authorization;
mod clean_up;
mod grant;
mod key;
mod proof;
mod token;

use kernel::job::JobHandler;
use kernel::{Access, Cx, Permission, Result, Route, route};
use model::signin::ops;

/// The clients there are: AWS registers them once for everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    /// A tool on the machine of the browser.
    SameDevice,
    /// A tool elsewhere: the person carries the code over.
    CrossDevice,
}

impl Client {
    const ALL: [Self; 2] = [Self::SameDevice, Self::CrossDevice];

    /// The client's id.
    pub fn id(self) -> &'static str {
        match self {
            Self::SameDevice => "arn:aws:signin:::devtools/same-device",
            Self::CrossDevice => "arn:aws:signin:::devtools/cross-device",
        }
    }

    /// The client of that id.
    pub fn of(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|client| client.id() == id)
    }

    /// The permission to do `action` for this client, in the account of the caller of `cx`.
    fn permission(self, cx: &Cx<'_>, action: &str, redirect_uri: &str) -> Result<Permission> {
        let name = match self {
            Self::SameDevice => "localhost",
            Self::CrossDevice => "remote",
        };
        let (region, account) = (&cx.app.settings.region, cx.account()?);
        let resource = format!("arn:aws:signin:{region}:{account}:oauth2/public-client/{name}");
        Ok(Permission::new(format!("signin:{action}"), resource)
            .with("signin:OAuthClientId", self.id())
            .with("signin:OAuthRedirectUri", redirect_uri))
    }
}

pub(crate) fn routes() -> Vec<Route> {
    vec![route::write::<ops::CreateOAuth2Token>(open, token::create)]
}

pub(crate) fn jobs() -> Vec<JobHandler> {
    vec![JobHandler { kind: clean_up::CLEAN_UP, run: |app, _| clean_up::run(app) }]
}

/// Code or refresh token, and the proof of possession, are the proof; the handler asks for the permission of whoever
/// stands behind them.
fn open<I>(_cx: &mut Cx<'_>, _input: &I) -> Result<Access> {
    Ok(Access::Open)
}
