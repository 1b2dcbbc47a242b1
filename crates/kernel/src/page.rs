//! Pages of lists: keyset positions in opaque tokens that are bound to the operation and its parameters.
//!
//! A position is the sort key of the last row given, so nothing is lost or repeated while rows come and go.

use crate::app::App;
use crate::cx::Cx;
use crate::error::Result;
use crate::seal::Purpose;
use base::{Random, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Where a page starts and how long it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// What the token is bound to.
    about: String,
    /// Sort key of the last row of the page before; empty for the first page. Rows sort strictly after it.
    pub after: String,
    /// Rows to fetch: one more than the page holds, to know whether there is another page.
    pub fetch: i64,
}

/// The sort key of a row of a list that is ordered by an instant and then by id.
pub fn key(at: Timestamp, id: &str) -> String {
    format!("{} {id}", at.micros())
}

impl Cursor {
    /// Opens the page that `token` asks for (the first when `None`), of at most `limit` rows. `list` names the list:
    /// the operation and every parameter that selects or orders its rows. `None` when the token was not given out for
    /// this list to this account.
    pub fn open(cx: &Cx<'_>, list: &[&str], token: Option<&str>, limit: i64) -> Option<Self> {
        let account = cx.caller.account().map(ToString::to_string).unwrap_or_default();
        // Each part with its length, so that no two lists have the same name.
        let parts = list.iter().map(|part| format!("\n{}:{part}", part.len())).collect::<String>();
        let about = format!("{account}{parts}");
        let after = match token {
            None => String::new(),
            Some(token) => {
                let sealed = URL_SAFE_NO_PAD.decode(token).ok()?;
                let plain = cx.app.seal.open(Purpose::PagingToken, &about, &sealed)?;
                String::from_utf8(plain.to_vec()).ok()?
            }
        };
        Some(Self { about, after, fetch: limit.max(1).saturating_add(1) })
    }

    /// Ends the page: cuts the surplus row off and makes the token of the next page, if there is one. `key` gives a
    /// row's sort key.
    ///
    /// # Errors
    /// When the token cannot be sealed.
    pub fn close<T>(
        &self,
        cx: &mut Cx<'_>,
        mut rows: Vec<T>,
        key: impl FnOnce(&T) -> String,
    ) -> Result<(Vec<T>, Option<String>)> {
        let length = usize::try_from(self.fetch - 1).unwrap_or(usize::MAX);
        if rows.len() <= length {
            return Ok((rows, None));
        }
        rows.truncate(length);
        let Some(last) = rows.last() else { return Ok((rows, None)) };
        let position = key(last);
        let token = self.token(cx, &position)?;
        Ok((rows, Some(token)))
    }

    /// The position after which the page begins in a list with keys of [`key`]: before everything for the first page.
    pub fn position(&self) -> (i64, &str) {
        let (at, id) = self.after.split_once(' ').unwrap_or_default();
        (at.parse().unwrap_or(i64::MIN), id)
    }

    /// The token of a page that starts after `position`, for lists that end a page by themselves.
    ///
    /// # Errors
    /// When the token cannot be sealed.
    pub fn token(&self, cx: &mut Cx<'_>, position: &str) -> Result<String> {
        self.token_of(cx.app, &mut cx.random, position)
    }

    /// As [`Cursor::token`], for lists whose rows come from outside every transaction.
    ///
    /// # Errors
    /// When the token cannot be sealed.
    pub fn token_of(&self, app: &App, random: &mut Random, position: &str) -> Result<String> {
        let sealed = app.seal.seal(Purpose::PagingToken, &self.about, position.as_bytes(), random)?;
        Ok(URL_SAFE_NO_PAD.encode(sealed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_holds_the_instant_and_the_id() {
        assert_eq!(key(Timestamp::from_micros(-5), "x"), "-5 x");
    }
}
