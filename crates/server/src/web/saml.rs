//! Assertions of SAML identity providers, by way of the browser: `POST /saml`. The one form that pages of other sites are
//! meant to send; its proof is the assertion, and nothing is read from cookies.

use super::answer::{self, Answer, Failure};
use super::console;
use super::visit::Visit;
use base::{AccountId, Arn};
use federation::saml::claims::RoleClaim;
use http::StatusCode;
use kernel::{Caller, Error};
use model::sts::{AssumeRoleWithSAMLRequest, ops};
use pages::console::{OfferedAccount, RolePicker};
use signin::session::{ConsoleSession, Via};

/// AWS's own words.
const INVALID: &str = "Your request included an invalid SAML response";

/// Tells whoever opens the address by hand what it is for.
pub(super) fn explain(_: &Visit) -> Answer {
    Err(Failure::told(StatusCode::BAD_REQUEST, INVALID, "Identity providers send people here with a form."))
}

/// Lets somebody into the console in the one role that is offered, or in the one that was chosen; else asks.
pub(super) fn submit(visit: &Visit) -> Answer {
    let response = visit.field("SAMLResponse");
    if response.is_empty() {
        return explain(visit);
    }
    let offered = visit.app().read_as(&Caller::Anonymous, &visit.info, |cx| iam::sts::offered_roles(cx, response));
    let offered = offered.map_err(invalid)?;
    let chosen = match (offered.as_slice(), visit.field("roleIndex")) {
        ([only], _) => Some(only),
        (_, "") => None,
        (_, arn) => offered.iter().find(|claim| claim.role_arn == arn),
    };
    let Some(chosen) = chosen else { return picker(visit, &offered, None) };
    match assume(visit, chosen, response) {
        Ok(session) => {
            let place = console::place(visit, visit.field("RelayState"));
            console::record(visit, &session, &place)?;
            console::enter(visit, &session, None, StatusCode::SEE_OTHER, &place)
        }
        Err(error @ (Error::Denied(_) | Error::Validation(_) | Error::Modeled(_))) if offered.len() > 1 => {
            picker(visit, &offered, Some(error.message()))
        }
        Err(error) => Err(invalid(error)),
    }
}

fn invalid(error: Error) -> Failure {
    match error {
        Error::Modeled(error) => Failure::told(StatusCode::BAD_REQUEST, INVALID, error.message()),
        other => Failure::Domain(other),
    }
}

fn assume(visit: &Visit, chosen: &RoleClaim, response: &str) -> Result<ConsoleSession, Error> {
    let input = AssumeRoleWithSAMLRequest {
        principal_arn: chosen.provider_arn.clone(),
        role_arn: chosen.role_arn.clone(),
        saml_assertion: response.to_owned(),
        ..AssumeRoleWithSAMLRequest::default()
    };
    let answer = visit.call::<ops::AssumeRoleWithSAML>(&Caller::Anonymous, &input)?;
    console::session_of(visit, answer.credentials, Via::Saml)
}

fn picker(visit: &Visit, offered: &[RoleClaim], problem: Option<&str>) -> Answer {
    let mut accounts: Vec<OfferedAccount> = Vec::new();
    for claim in offered {
        let id = Arn::parse(&claim.role_arn).map(|arn| arn.account().to_owned()).unwrap_or_default();
        match accounts.iter_mut().find(|account| account.id == id) {
            Some(account) => account.roles.push(claim.role_arn.clone()),
            None => {
                let name = name_of(visit, &id)?;
                accounts.push(OfferedAccount { id, name, roles: vec![claim.role_arn.clone()] });
            }
        }
    }
    let page = RolePicker {
        frame: visit.frame(),
        accounts: &accounts,
        response: visit.field("SAMLResponse"),
        relay_state: visit.field("RelayState"),
        problem,
    };
    let status = if problem.is_some() { StatusCode::FORBIDDEN } else { StatusCode::OK };
    Ok(answer::page(status, page.render()))
}

/// Alias or name of the account. A provider in it has vouched for whoever asks.
fn name_of(visit: &Visit, id: &str) -> Result<Option<String>, Failure> {
    let Some(id) = AccountId::parse(id) else { return Ok(None) };
    let account = visit.app().store.read(|tx| iam::account::get(tx, &id))?;
    Ok(account.map(|account| account.alias.unwrap_or(account.name)))
}

/// What identity providers need to know of the console (SAML 2.0 metadata §2.4.4).
pub(super) fn metadata(visit: &Visit) -> Answer {
    let own = format!("{}/saml", visit.base_url()).replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
    let text = format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="urn:amazon:webservices">
  <SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol" WantAssertionsSigned="true">
    <NameIDFormat>urn:oasis:names:tc:SAML:2.0:nameid-format:transient</NameIDFormat>
    <NameIDFormat>urn:oasis:names:tc:SAML:2.0:nameid-format:persistent</NameIDFormat>
    <NameIDFormat>urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress</NameIDFormat>
    <NameIDFormat>urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified</NameIDFormat>
    <AssertionConsumerService index="1" isDefault="true" Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://signin.aws.amazon.com/saml"/>
    <AssertionConsumerService index="2" Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="{own}"/>
    <AttributeConsumingService index="1">
      <ServiceName xml:lang="en">AWS Management Console Single Sign-On</ServiceName>
      <RequestedAttribute isRequired="true" Name="https://aws.amazon.com/SAML/Attributes/Role" FriendlyName="RoleEntitlement"/>
      <RequestedAttribute isRequired="true" Name="https://aws.amazon.com/SAML/Attributes/RoleSessionName" FriendlyName="RoleSessionName"/>
    </AttributeConsumingService>
  </SPSSODescriptor>
</EntityDescriptor>
"#
    );
    Ok(answer::text(StatusCode::OK, "application/samlmetadata+xml", text))
}
