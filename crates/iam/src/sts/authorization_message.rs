//! Encoded authorization messages: the details of a refusal, readable only for those who may decode them.

use super::session;
use base::AccountId;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::seal::Purpose;
use kernel::{Access, App, Cx, Permission, Result};
use model::sts::{
    DecodeAuthorizationMessageRequest, DecodeAuthorizationMessageResponse, InvalidAuthorizationMessageException,
};

/// Longest message that `DecodeAuthorizationMessage` takes back, in characters.
const MESSAGE_CHARACTERS_MAX: usize = 10_240;

/// The details of a refusal (`json`) for a caller of `account`, sealed; `None` when they are too long to be taken back.
pub fn encode(app: &App, account: &AccountId, json: &str) -> Option<String> {
    let seal = |random: &mut base::Random| {
        app.seal.seal(Purpose::AuthorizationMessage, account.as_str(), json.as_bytes(), random)
    };
    let message = URL_SAFE_NO_PAD.encode(app.with_random(seal).ok()?);
    (message.len() <= MESSAGE_CHARACTERS_MAX).then_some(message)
}

pub(super) fn rule(cx: &mut Cx<'_>, _input: &DecodeAuthorizationMessageRequest) -> Result<Access> {
    session::check_caller(cx, "DecodeAuthorizationMessage")?;
    Ok(Permission::new("sts:DecodeAuthorizationMessage", "*").into())
}

pub(super) fn decode(
    cx: &mut Cx<'_>,
    input: &DecodeAuthorizationMessageRequest,
) -> Result<DecodeAuthorizationMessageResponse> {
    let account = cx.account()?;
    let open = |message: &str| {
        let sealed = URL_SAFE_NO_PAD.decode(message).ok()?;
        let plain = cx.app.seal.open(Purpose::AuthorizationMessage, account.as_str(), &sealed)?;
        String::from_utf8(plain.to_vec()).ok()
    };
    let decoded = open(&input.encoded_message)
        .ok_or_else(|| InvalidAuthorizationMessageException::new("Message is not valid"))?;
    Ok(DecodeAuthorizationMessageResponse { decoded_message: Some(decoded) })
}
