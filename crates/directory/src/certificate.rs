//! Certificates of the authorities that sign those of controllers, and LDAPS.

use crate::ldap::x509;
use crate::record::{self, Certificate, Directory};
use crate::{access, messages, stage};
use kernel::{Cx, Result, Route, WriteCx, route};
use model::ds::{
    CertificateAlreadyExistsException, CertificateDoesNotExistException, CertificateInUseException, CertificateInfo,
    CertificateLimitExceededException, CertificateState, CertificateType, DeregisterCertificateRequest,
    DeregisterCertificateResult, DescribeCertificateRequest, DescribeCertificateResult, DescribeLDAPSSettingsRequest,
    DescribeLDAPSSettingsResult, DirectoryStage, DisableLDAPSRequest, DisableLDAPSResult, EnableLDAPSRequest,
    EnableLDAPSResult, InvalidCertificateException, InvalidLDAPSStatusException, LDAPSSettingInfo, LDAPSStatus,
    ListCertificatesRequest, ListCertificatesResult, NoAvailableCertificateException, RegisterCertificateRequest,
    RegisterCertificateResult, ops,
};

/// Most certificates of a directory.
const CERTIFICATES_MAX: usize = 5;

fn all(cx: &mut Cx<'_>, directory: &Directory) -> Result<Vec<Certificate>> {
    record::certificates(cx.tx, &directory.id, "", i64::MAX)
}

fn compact(pem: &str) -> String {
    pem.split_ascii_whitespace().collect()
}

fn register(cx: &mut WriteCx<'_>, input: &RegisterCertificateRequest) -> Result<RegisterCertificateResult> {
    let directory = access::existing_directory(cx, &input.directory_id)?;
    if input.r#type == Some(CertificateType::ClientCertAuth) {
        return Err(messages::unsupported("Certificates for smart card authentication are not supported."));
    }
    let Some(summary) = x509::read(&input.certificate_data) else {
        let message = "The certificate is not a valid PEM-encoded certificate of an authority.";
        return Err(InvalidCertificateException::new(message).into());
    };
    let now = cx.now;
    if summary.not_after <= now {
        return Err(InvalidCertificateException::new("The certificate has expired.").into());
    }
    let known = all(cx, &directory)?;
    if known.iter().any(|certificate| compact(&certificate.data) == compact(&input.certificate_data)) {
        let message = "The certificate has already been registered into the system.";
        return Err(CertificateAlreadyExistsException::new(message).into());
    }
    if known.len() >= CERTIFICATES_MAX {
        let message = format!("A directory can have at most {CERTIFICATES_MAX} certificates.");
        return Err(CertificateLimitExceededException::new(message).into());
    }
    let certificate = Certificate {
        id: format!("c-{}", cx.random.text(b"0123456789abcdef", 10)),
        data: input.certificate_data.clone(),
        common_name: summary.common_name,
        expires_at: summary.not_after,
        registered_at: now,
    };
    record::add_certificate(&mut cx.write(), &directory.id, &certificate)?;
    if directory.stage != DirectoryStage::Active {
        // It may have been the certificate that was missing.
        stage::begin(cx, &directory.id)?;
    }
    Ok(RegisterCertificateResult { certificate_id: Some(certificate.id) })
}

fn find(cx: &mut Cx<'_>, directory: &Directory, id: &str) -> Result<Certificate> {
    let found = all(cx, directory)?.into_iter().find(|certificate| certificate.id == id);
    found.ok_or_else(|| CertificateDoesNotExistException::new(format!("Certificate {id} does not exist.")).into())
}

fn deregister(cx: &mut WriteCx<'_>, input: &DeregisterCertificateRequest) -> Result<DeregisterCertificateResult> {
    let directory = access::existing_directory(cx, &input.directory_id)?;
    let certificate = find(cx, &directory, &input.certificate_id)?;
    let is_last = all(cx, &directory)?.len() == 1;
    if is_last && matches!(directory.ldaps_status, LDAPSStatus::Enabled | LDAPSStatus::Enabling) {
        let message = "The certificate is in use for LDAPS. Disable LDAPS, or register another certificate first.";
        return Err(CertificateInUseException::new(message).into());
    }
    record::remove_certificate(&mut cx.write(), &directory.id, &certificate.id)?;
    Ok(DeregisterCertificateResult {})
}

fn describe(cx: &mut Cx<'_>, input: &DescribeCertificateRequest) -> Result<DescribeCertificateResult> {
    let directory = access::existing_directory(cx, &input.directory_id)?;
    let certificate = find(cx, &directory, &input.certificate_id)?;
    let shown = model::ds::Certificate {
        certificate_id: Some(certificate.id),
        common_name: Some(certificate.common_name),
        expiry_date_time: Some(certificate.expires_at),
        registered_date_time: Some(certificate.registered_at),
        state: Some(CertificateState::Registered),
        r#type: Some(CertificateType::ClientLDAPS),
        ..model::ds::Certificate::default()
    };
    Ok(DescribeCertificateResult { certificate: Some(shown) })
}

fn list(cx: &mut Cx<'_>, input: &ListCertificatesRequest) -> Result<ListCertificatesResult> {
    let directory = access::existing_directory(cx, &input.directory_id)?;
    let list = ["ListCertificates", directory.id.as_str()];
    let cursor = access::page(cx, &list, input.next_token.as_deref(), input.limit)?;
    let rows = record::certificates(cx.tx, &directory.id, &cursor.after, cursor.fetch)?;
    let (rows, next_token) = cursor.close(cx, rows, |certificate| certificate.id.clone())?;
    let shown = rows.into_iter().map(|certificate| CertificateInfo {
        certificate_id: Some(certificate.id),
        common_name: Some(certificate.common_name),
        expiry_date_time: Some(certificate.expires_at),
        state: Some(CertificateState::Registered),
        r#type: Some(CertificateType::ClientLDAPS),
    });
    Ok(ListCertificatesResult { certificates_info: Some(shown.collect()), next_token })
}

fn enable_ldaps(cx: &mut WriteCx<'_>, input: &EnableLDAPSRequest) -> Result<EnableLDAPSResult> {
    let directory = access::existing_directory(cx, &input.directory_id)?;
    if !directory.is_usable() {
        return Err(messages::unavailable(&input.directory_id));
    }
    if matches!(directory.ldaps_status, LDAPSStatus::Enabled | LDAPSStatus::Enabling) {
        return Err(InvalidLDAPSStatusException::new("LDAPS is already enabled for this directory.").into());
    }
    if all(cx, &directory)?.is_empty() {
        let message = "Cannot enable LDAPS because no valid certificate is registered.";
        return Err(NoAvailableCertificateException::new(message).into());
    }
    let now = cx.now;
    record::set_ldaps(&mut cx.write(), &directory.id, LDAPSStatus::Enabling, None, now)?;
    stage::check_ldaps(cx, &directory.id)?;
    Ok(EnableLDAPSResult {})
}

fn disable_ldaps(cx: &mut WriteCx<'_>, input: &DisableLDAPSRequest) -> Result<DisableLDAPSResult> {
    let directory = access::existing_directory(cx, &input.directory_id)?;
    if directory.ldaps_status == LDAPSStatus::Disabled {
        return Err(InvalidLDAPSStatusException::new("LDAPS is not enabled for this directory.").into());
    }
    let now = cx.now;
    record::set_ldaps(&mut cx.write(), &directory.id, LDAPSStatus::Disabled, None, now)?;
    Ok(DisableLDAPSResult {})
}

fn describe_ldaps(cx: &mut Cx<'_>, input: &DescribeLDAPSSettingsRequest) -> Result<DescribeLDAPSSettingsResult> {
    let directory = access::existing_directory(cx, &input.directory_id)?;
    let list = ["DescribeLDAPSSettings", directory.id.as_str()];
    access::page(cx, &list, input.next_token.as_deref(), input.limit)?;
    let shown = LDAPSSettingInfo {
        ldaps_status: Some(directory.ldaps_status),
        ldaps_status_reason: directory.ldaps_reason,
        last_updated_date_time: Some(directory.ldaps_changed_at),
    };
    Ok(DescribeLDAPSSettingsResult { ldaps_settings_info: Some(vec![shown]), next_token: None })
}

pub(crate) fn routes() -> Vec<Route> {
    vec![
        route::write::<ops::RegisterCertificate>(
            |cx, input| Ok(access::on::<ops::RegisterCertificate>(cx, &input.directory_id)?.into()),
            register,
        ),
        route::write::<ops::DeregisterCertificate>(
            |cx, input| Ok(access::on::<ops::DeregisterCertificate>(cx, &input.directory_id)?.into()),
            deregister,
        ),
        route::read::<ops::DescribeCertificate>(
            |cx, input| Ok(access::on::<ops::DescribeCertificate>(cx, &input.directory_id)?.into()),
            describe,
        ),
        route::read::<ops::ListCertificates>(
            |cx, input| Ok(access::on::<ops::ListCertificates>(cx, &input.directory_id)?.into()),
            list,
        ),
        route::write::<ops::EnableLDAPS>(
            |cx, input| Ok(access::on::<ops::EnableLDAPS>(cx, &input.directory_id)?.into()),
            enable_ldaps,
        ),
        route::write::<ops::DisableLDAPS>(
            |cx, input| Ok(access::on::<ops::DisableLDAPS>(cx, &input.directory_id)?.into()),
            disable_ldaps,
        ),
        route::read::<ops::DescribeLDAPSSettings>(
            |cx, input| Ok(access::on::<ops::DescribeLDAPSSettings>(cx, &input.directory_id)?.into()),
            describe_ldaps,
        ),
    ]
}
