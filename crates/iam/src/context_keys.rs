//! `GetContextKeysForCustomPolicy` and `GetContextKeysForPrincipalPolicy`: what a simulation should be told.

use crate::access::anywhere;
use crate::simulate::{document, existing_source, identity_policies, may_ask_about};
use kernel::{Cx, Result, Route, route};
use model::iam::{
    GetContextKeysForCustomPolicyRequest, GetContextKeysForPolicyResponse, GetContextKeysForPrincipalPolicyRequest, ops,
};
use policy::{Document, PolicyKind};

fn keys<'a>(documents: impl IntoIterator<Item = &'a Document>) -> GetContextKeysForPolicyResponse {
    GetContextKeysForPolicyResponse { context_key_names: Some(policy::context_keys(documents)) }
}

fn given(texts: &[String]) -> Result<Vec<Document>> {
    texts.iter().map(|text| document(PolicyKind::Identity, text)).collect()
}

fn of_custom(_: &mut Cx<'_>, input: &GetContextKeysForCustomPolicyRequest) -> Result<GetContextKeysForPolicyResponse> {
    Ok(keys(&given(&input.policy_input_list)?))
}

fn of_principal(
    cx: &mut Cx<'_>,
    input: &GetContextKeysForPrincipalPolicyRequest,
) -> Result<GetContextKeysForPolicyResponse> {
    let entity = existing_source(cx, &input.policy_source_arn)?;
    let given = given(input.policy_input_list.as_deref().unwrap_or_default())?;
    let held = identity_policies(cx.tx, &entity)?;
    Ok(keys(held.iter().map(|held| held.policy.document()).chain(&given)))
}

pub(crate) fn routes() -> Vec<Route> {
    vec![
        route::read::<ops::GetContextKeysForCustomPolicy>(anywhere::<ops::GetContextKeysForCustomPolicy>, of_custom),
        route::read::<ops::GetContextKeysForPrincipalPolicy>(
            |cx, input| may_ask_about::<ops::GetContextKeysForPrincipalPolicy>(cx, &input.policy_source_arn),
            of_principal,
        ),
    ]
}
