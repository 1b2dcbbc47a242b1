//! Credentials that nothing in the product uses: SSH keys and service-specific credentials (CodeCommit and others),
//! signing certificates (SOAP), server certificates (load balancers). There are none, so lists are empty.

use super::{permission_on_subject, permission_on_user, subject};
use crate::access::{anywhere, permission};
use kernel::{Route, route};
use model::iam::{
    GetSSHPublicKeyResponse, GetServerCertificateResponse, ListSSHPublicKeysResponse,
    ListServerCertificateTagsResponse, ListServerCertificatesResponse, ListServiceSpecificCredentialsResponse,
    ListSigningCertificatesResponse, NoSuchEntityException, ops,
};

fn no_server_certificate(name: &str) -> NoSuchEntityException {
    NoSuchEntityException::new(format!("The Server Certificate with name {name} cannot be found."))
}

fn no_public_key(id: &str) -> NoSuchEntityException {
    NoSuchEntityException::new(format!("The Public Key with id {id} cannot be found."))
}

pub(crate) fn routes() -> Vec<Route> {
    let mut routes = server_certificates();
    routes.extend([
        route::read::<ops::ListSSHPublicKeys>(
            |cx, input| Ok(permission_on_subject::<ops::ListSSHPublicKeys>(cx, input.user_name.as_deref())?.into()),
            |cx, input| {
                subject(cx, input.user_name.as_deref())?;
                Ok(ListSSHPublicKeysResponse {
                    is_truncated: Some(false),
                    ssh_public_keys: Some(Vec::new()),
                    ..Default::default()
                })
            },
        ),
        route::read::<ops::GetSSHPublicKey>(
            |cx, input| Ok(permission_on_user::<ops::GetSSHPublicKey>(cx, &input.user_name)?.into()),
            |_, input| Err::<GetSSHPublicKeyResponse, _>(no_public_key(&input.ssh_public_key_id).into()),
        ),
        route::read::<ops::ListSigningCertificates>(
            |cx, input| {
                Ok(permission_on_subject::<ops::ListSigningCertificates>(cx, input.user_name.as_deref())?.into())
            },
            |cx, input| {
                subject(cx, input.user_name.as_deref())?;
                Ok(ListSigningCertificatesResponse { is_truncated: Some(false), ..Default::default() })
            },
        ),
        route::read::<ops::ListServiceSpecificCredentials>(
            |cx, input| match input.all_users {
                Some(true) => anywhere::<ops::ListServiceSpecificCredentials>(cx, input),
                _ => {
                    let name = input.user_name.as_deref();
                    Ok(permission_on_subject::<ops::ListServiceSpecificCredentials>(cx, name)?.into())
                }
            },
            |cx, input| {
                if input.all_users != Some(true) {
                    subject(cx, input.user_name.as_deref())?;
                }
                Ok(ListServiceSpecificCredentialsResponse {
                    is_truncated: Some(false),
                    service_specific_credentials: Some(Vec::new()),
                    ..Default::default()
                })
            },
        ),
    ]);
    routes
}

fn server_certificates() -> Vec<Route> {
    vec![
        route::read::<ops::ListServerCertificates>(anywhere::<ops::ListServerCertificates>, |_, _| {
            Ok(ListServerCertificatesResponse { is_truncated: Some(false), ..Default::default() })
        }),
        route::read::<ops::GetServerCertificate>(
            |cx, input| {
                let (account, name) = (cx.account()?, &input.server_certificate_name);
                let arn = format!("arn:aws:iam::{account}:server-certificate/{name}");
                Ok(permission::<ops::GetServerCertificate>(arn).into())
            },
            |_, input| {
                Err::<GetServerCertificateResponse, _>(no_server_certificate(&input.server_certificate_name).into())
            },
        ),
        route::read::<ops::ListServerCertificateTags>(
            |cx, input| {
                let (account, name) = (cx.account()?, &input.server_certificate_name);
                let arn = format!("arn:aws:iam::{account}:server-certificate/{name}");
                Ok(permission::<ops::ListServerCertificateTags>(arn).into())
            },
            |_, input| {
                Err::<ListServerCertificateTagsResponse, _>(
                    no_server_certificate(&input.server_certificate_name).into(),
                )
            },
        ),
    ]
}
