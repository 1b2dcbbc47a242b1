//! Client tokens: a change that is asked for again with the token of one that was made is not made again, and has the
//! same answer, for eight hours after it was asked for last.

use super::failure;
use super::served::Served;
use base::DirectoryId;
use kernel::{Cx, Error, Result, WriteCx, params};
use smithy::schema::Shape;

/// How long a token is remembered, in seconds.
const MEMORY_SECONDS: i64 = 8 * 3_600;

fn json(shape: &dyn Shape) -> Vec<u8> {
    let mut text = Vec::new();
    smithy::json::write(shape, &mut text);
    text
}

fn sha256(bytes: &[u8]) -> Vec<u8> {
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref().to_vec()
}

/// What two requests have in common exactly when they ask for the same.
fn digest<O: Served>(input: &O::In) -> Vec<u8> {
    sha256(&[O::OP.name.as_bytes(), &[0], &json(input)].concat())
}

/// The answer to the request that had the same token; `None` when none is remembered.
///
/// # Errors
/// `ConflictException` when that request was another one.
pub(super) fn answer<O: Served>(
    cx: &mut Cx<'_>,
    id: &DirectoryId,
    token: &str,
    input: &O::In,
) -> Result<Option<O::Out>> {
    let sql = "select request, answer from dir_data_token where directory_id = $1 and token = $2 and expires_at > $3";
    let (now, token) = (cx.now, sha256(token.as_bytes()));
    let known = cx.tx.opt(sql, params![id, token, now], |row| Ok((row.get::<Vec<u8>>(0)?, row.get::<String>(1)?)))?;
    let Some((request, text)) = known else { return Ok(None) };
    if request != digest::<O>(input) {
        let message = "The client token was used before with other parameters.";
        return Err(failure::conflict(message));
    }
    let mut answer = O::Out::default();
    smithy::json::read(text.as_bytes(), &mut answer).map_err(|_| Error::internal("a kept answer does not parse"))?;
    Ok(Some(answer))
}

/// Remembers the answer to a request with a token.
///
/// # Errors
/// When the database fails.
pub(super) fn keep<O: Served>(
    cx: &mut WriteCx<'_>,
    id: &DirectoryId,
    token: &str,
    input: &O::In,
    answer: &O::Out,
) -> Result<()> {
    let now = cx.now;
    let text = String::from_utf8(json(answer)).map_err(|_| Error::internal("JSON is not UTF-8"))?;
    let (request, token) = (digest::<O>(input), sha256(token.as_bytes()));
    let mut tx = cx.write();
    tx.exec("delete from dir_data_token where expires_at <= $1", params![now])?;
    tx.exec_one(
        "insert into dir_data_token (directory_id, token, request, answer, expires_at) values ($1, $2, $3, $4, $5) \
         on conflict (directory_id, token) do update set \
           request = excluded.request, answer = excluded.answer, expires_at = excluded.expires_at",
        params![id, token, request, text, now.plus_seconds(MEMORY_SECONDS)],
    )
}
