//! Profiles for the AWS CLI.

use super::answer::{self, Answer};
use super::portal::{accounts, search_of};
use super::visit::{Person, Visit};
use http::{HeaderValue, StatusCode, header};
use pages::profile::{self, File, Profiles, Site, TEMPLATE, Template, TemplateProblem, Wanted};
use sso::portal::PortalAccount;

/// The services of this server, as the AWS CLI's `services` section calls them.
const SERVICES: [&str; 12] = [
    "sso_oidc",
    "sso",
    "sts",
    "signin",
    "iam",
    "organizations",
    "account",
    "sso_admin",
    "identitystore",
    "directory_service",
    "directory_service_data",
    "cloudtrail",
];
/// Longest region name.
const REGION_CHARACTERS_MAX: usize = 32;

/// Shows the profiles, or gives them as a file.
pub(super) fn show(visit: &Visit) -> Answer {
    let person = visit.signed_in(visit.place())?;
    let template = visit.query("template").map(str::trim).filter(|text| !text.is_empty()).unwrap_or(TEMPLATE);
    let search = search_of(visit);
    let is_region = |text: &&str| {
        !text.is_empty()
            && text.len() <= REGION_CHARACTERS_MAX
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let region = visit.query("region").map(str::trim).filter(is_region);
    let site = Site { region: region.unwrap_or(&visit.app().settings.region).to_owned(), ..site(visit, &person) };
    let outcome = match Template::parse(template) {
        Ok(template) => Ok(file(&template, &site, &accounts(visit, &person)?, &search)),
        Err(problem) => Err(problem),
    };
    if visit.query("download").is_some() {
        return Ok(download(outcome));
    }
    let frame = visit.frame_of(&person);
    let page = Profiles { frame, template, query: &search, region: &site.region, outcome };
    let status = if page.outcome.is_ok() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok(answer::page(status, page.render()))
}

/// Where tools sign in to the instance of `person`.
pub(super) fn site(visit: &Visit, person: &Person) -> Site {
    Site {
        name: "vestibule".to_owned(),
        start_url: person.instance.start_url(),
        sso_region: person.instance.region.clone(),
        region: visit.app().settings.region.clone(),
        endpoint_url: visit.base_url().to_owned(),
        services: &SERVICES,
    }
}

fn file(template: &Template, site: &Site, accounts: &[PortalAccount], search: &str) -> File {
    let wanted: Vec<Wanted<'_>> = accounts
        .iter()
        .flat_map(|account| {
            account.roles.iter().map(move |role| Wanted {
                account_name: &account.name,
                account_id: account.id.as_str(),
                role_name: &role.name,
            })
        })
        .collect();
    // Names are given before the search, so that a role has the same name in every file.
    let named = profile::profiles(template, &site.region, &wanted);
    let words = search.to_lowercase();
    let words: Vec<&str> = words.split_whitespace().collect();
    let is_found = |wanted: &Wanted<'_>| {
        let text = format!("{}\n{}\n{}", wanted.account_name, wanted.account_id, wanted.role_name).to_lowercase();
        words.iter().all(|word| text.contains(word))
    };
    let profiles: Vec<_> =
        named.into_iter().zip(&wanted).filter(|(_, wanted)| is_found(wanted)).map(|(profile, _)| profile).collect();
    File {
        count: profiles.len(),
        example: profiles.first().map(|profile| profile.name.clone()),
        text: site.config(&profiles),
    }
}

fn download(outcome: Result<File, TemplateProblem>) -> axum::response::Response {
    const PLAIN: &str = "text/plain; charset=utf-8";
    match outcome {
        Err(problem) => {
            let text = format!("The name template, at character {}: {}.\n", problem.position, problem.message);
            answer::text(StatusCode::UNPROCESSABLE_ENTITY, PLAIN, text)
        }
        Ok(file) => {
            let mut response = answer::text(StatusCode::OK, PLAIN, file.text);
            let disposition = HeaderValue::from_static("attachment; filename=\"aws-config.txt\"");
            response.headers_mut().insert(header::CONTENT_DISPOSITION, disposition);
            response
        }
    }
}
