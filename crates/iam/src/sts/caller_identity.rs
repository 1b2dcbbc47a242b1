//! `GetCallerIdentity`: no policy can deny it.

use kernel::{Caller, Cx, Error, Result};
use model::sts::{GetCallerIdentityRequest, GetCallerIdentityResponse};

pub(super) fn get_caller_identity(
    cx: &mut Cx<'_>,
    _input: &GetCallerIdentityRequest,
) -> Result<GetCallerIdentityResponse> {
    match &cx.caller {
        Caller::Principal(caller) => Ok(GetCallerIdentityResponse {
            account: Some(caller.account.to_string()),
            arn: Some(caller.arn()),
            user_id: Some(caller.user_id()),
        }),
        other => {
            Err(Error::denied(format!("User: {} is not authorized to perform: sts:GetCallerIdentity", other.arn())))
        }
    }
}
