//! CreateMicrosoftAD.

use super::{domains, home};
use crate::record::{self, Kind, Requested};
use crate::{messages, stage, tag};
use base::{DirectoryId, Random};
use kernel::seal::Purpose;
use kernel::{Access, Cx, Permission, Result, Route, WriteCx, route};
use model::ds::{
    CreateMicrosoftADRequest, CreateMicrosoftADResult, DirectoryDescription, DirectoryEdition,
    DirectoryVpcSettingsDescription, NetworkType, ops,
};
use std::sync::Arc;

/// Longest name of a domain of Active Directory, in characters.
const DOMAIN_CHARACTERS_MAX: usize = 64;
/// Longest label of it (RFC 1035).
const LABEL_CHARACTERS_MAX: usize = 63;
/// Longest NetBIOS name, in characters.
const SHORT_NAME_CHARACTERS_MAX: usize = 15;
/// Controllers of a domain.
const CONTROLLERS: i32 = 1;
/// Characters of the service account's password, of which some are always of each class.
const SERVICE_PASSWORD_ALPHABET: &[u8] = b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
const SERVICE_PASSWORD_CHARACTERS: usize = 48;

fn may_create(cx: &mut Cx<'_>, input: &CreateMicrosoftADRequest) -> Result<Access> {
    cx.account()?;
    let tags = input.tags.as_deref().unwrap_or_default();
    let tags = tags.iter().map(|tag| (tag.key.as_str(), tag.value.as_str()));
    Ok(Permission::new("ds:CreateMicrosoftAD", "*").with_request_tags(tags).into())
}

fn is_label(label: &str) -> bool {
    let is_plain = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    is_plain
        && !label.is_empty()
        && label.len() <= LABEL_CHARACTERS_MAX
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// The name of the domain in lower case.
pub(super) fn domain_name(name: &str) -> Option<String> {
    let name = name.trim_end_matches('.').to_lowercase();
    let labels: Vec<_> = name.split('.').collect();
    let is_name =
        labels.len() >= 2 && labels.iter().all(|label| is_label(label)) && name.len() <= DOMAIN_CHARACTERS_MAX;
    is_name.then_some(name)
}

/// The NetBIOS name: the one that was given, or the first label of the domain's name as far as it fits.
fn short_name(given: Option<&str>, domain: &str) -> Option<String> {
    let first = domain.split('.').next().unwrap_or_default();
    let fitting = first.get(..SHORT_NAME_CHARACTERS_MAX).unwrap_or(first).trim_end_matches('-');
    let name = given.unwrap_or(fitting).to_uppercase();
    let is_name =
        is_label(&name) && name.len() <= SHORT_NAME_CHARACTERS_MAX && !name.bytes().all(|b| b.is_ascii_digit());
    is_name.then_some(name)
}

/// What the model cannot say about the input.
fn checked(input: &CreateMicrosoftADRequest) -> Result<DirectoryDescription> {
    let Some(name) = domain_name(&input.name) else {
        return Err(messages::invalid(
            "Name must be a fully qualified name of at most 64 characters, such as corp.example.com.",
        ));
    };
    let Some(short_name) = short_name(input.short_name.as_deref(), &name) else {
        return Err(messages::invalid(
            "ShortName must have at most 15 letters, digits and hyphens, and a letter among them.",
        ));
    };
    if input.password.to_lowercase().contains("admin") {
        return Err(messages::invalid("The password must not contain the word admin."));
    }
    let settings = &input.vpc_settings;
    if settings.subnet_ids.len() != 2 || settings.subnet_ids[0] == settings.subnet_ids[1] {
        return Err(messages::invalid("SubnetIds must name two different subnets."));
    }
    if input.edition == Some(DirectoryEdition::Hybrid) {
        return Err(messages::unsupported("Hybrid directories are not supported: choose Standard or Enterprise."));
    }
    Ok(DirectoryDescription {
        name: Some(name),
        short_name: Some(short_name),
        description: input.description.clone(),
        edition: Some(input.edition.unwrap_or(DirectoryEdition::Enterprise)),
        network_type: Some(input.network_type.unwrap_or(NetworkType::IPv4)),
        desired_number_of_domain_controllers: Some(CONTROLLERS),
        vpc_settings: Some(DirectoryVpcSettingsDescription {
            vpc_id: Some(settings.vpc_id.clone()),
            subnet_ids: Some(settings.subnet_ids.clone()),
            availability_zones: Some(Vec::new()),
            ..DirectoryVpcSettingsDescription::default()
        }),
        ..DirectoryDescription::default()
    })
}

/// A password with letters of both cases and digits, whatever is drawn.
fn service_password(random: &mut Random) -> String {
    format!("Aa1{}", random.text(SERVICE_PASSWORD_ALPHABET, SERVICE_PASSWORD_CHARACTERS))
}

/// Where no domain can be run, the request is refused at once with what to do about it: a directory that ends in Failed
/// would say the same later, in a place where fewer look, and would have to be deleted before the next try.
fn create(cx: &mut WriteCx<'_>, input: &CreateMicrosoftADRequest) -> Result<CreateMicrosoftADResult> {
    let details = checked(input)?;
    let app = Arc::clone(cx.app);
    let place = domains::of(&app).and_then(|domains| domains.obstacle().map_or_else(|| domains.home(), Err));
    let place = place.map_err(messages::unsupported)?;
    let (account, now) = (cx.account()?, cx.now);
    let id = DirectoryId::random(&mut cx.random);
    let service = service_password(&mut cx.random);
    let purpose = Purpose::DirectoryPassword;
    let sealed_password = app.seal.seal(purpose, id.as_str(), service.as_bytes(), &mut cx.random)?;
    let about = record::about_first_password(&id);
    let sealed_first = app.seal.seal(purpose, &about, input.password.as_bytes(), &mut cx.random)?;
    let requested = Requested {
        id: &id,
        account: &account,
        kind: Kind::Managed,
        details: &details,
        sealed_password: &sealed_password,
        sealed_first_password: Some(&sealed_first),
    };
    record::insert(&mut cx.write(), &requested, now)?;
    home::set(&mut cx.write(), &id, &place)?;
    tag::add(&mut cx.write(), &id, input.tags.as_deref().unwrap_or_default())?;
    stage::begin(cx, &id)?;
    Ok(CreateMicrosoftADResult { directory_id: Some(id.to_string()) })
}

pub(super) fn routes() -> Vec<Route> {
    vec![route::write::<ops::CreateMicrosoftAD>(may_create, create)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_domains_are_those_that_active_directory_takes() {
        assert_eq!(domain_name("Corp.Example.com."), Some("corp.example.com".to_owned()));
        for other in ["corp", "corp..example", "-a.example", "a_b.example", "a.example-", &"a.".repeat(40)] {
            assert_eq!(domain_name(other), None, "{other}");
        }
        assert_eq!(short_name(None, "corp.example.com"), Some("CORP".to_owned()));
        assert_eq!(short_name(None, "a-rather-long-name.example.com"), Some("A-RATHER-LONG-N".to_owned()));
        assert_eq!(short_name(Some("Sales"), "corp.example.com"), Some("SALES".to_owned()));
        for other in ["", "a b", "A%u", "12", "ABCDEFGHIJKLMNOP", "x\ny"] {
            assert_eq!(short_name(Some(other), "corp.example.com"), None, "{other}");
        }
    }
}
