//! The accounts and roles of whoever is signed in.

use super::answer::{self, Answer, Failure};
use super::visit::{Person, Visit};
use axum::body::Body;
use base::InstanceId;
use http::{Request, StatusCode, header};
use kernel::Caller;
use pages::portal::{Account, Banner, Portal, Role};
use sso::portal::PortalAccount;

/// Longest search text.
const QUERY_CHARACTERS_MAX: usize = 200;

/// Shows the portal.
pub(super) fn show(visit: &Visit) -> Answer {
    let person = visit.signed_in(visit.place())?;
    let accounts: Vec<Account> = accounts(visit, &person)?.into_iter().map(account).collect();
    let page = visit.query("page").and_then(|page| page.parse().ok()).unwrap_or(1);
    let portal = Portal {
        frame: visit.frame_of(&person),
        accounts: &accounts,
        query: &search_of(visit),
        page,
        banner: banner(visit, &person, accounts.is_empty())?,
        has_console: true,
        csrf: &visit.token_of(&person),
    };
    Ok(answer::large_page(visit, portal.render()))
}

/// Answers command-line tools that ask whether a start URL is AWS's: AWS CLI 2.35.13 and later follow a redirect to a
/// host of AWS's once, take it for the name of the instance, and never go there.
pub(super) fn locate(visit: &Visit) -> Answer {
    let instance = visit.instance(visit.query("instance"))?;
    answer::redirect_with(StatusCode::FOUND, &format!("https://{}.portal.{}.app.aws", instance.id, instance.region))
}

/// Where a browser goes that asks for a page under one of AWS's addresses that are no portal's own: the start URL that
/// names an instance in its path, and the page for devices of a region.
pub(super) fn place_of_portal(request: &Request<Body>) -> Option<String> {
    let host = request.headers().get(header::HOST)?.to_str().ok()?.split(':').next()?.to_ascii_lowercase();
    let (path, query) = (request.uri().path(), request.uri().query());
    if host == "identitycenter.amazonaws.com" {
        return InstanceId::parse(path.trim_matches('/')).map(|id| format!("/start?instance={id}"));
    }
    let region = host.strip_prefix("device.sso.")?.strip_suffix(".amazonaws.com")?;
    (path == "/" && !region.is_empty() && !region.contains('.'))
        .then(|| query.map_or_else(|| "/device".to_owned(), |query| format!("/device?{query}")))
}

/// The accounts of `person`.
pub(super) fn accounts(visit: &Visit, person: &Person) -> Result<Vec<PortalAccount>, Failure> {
    let read = visit.app().read_as(&Caller::Anonymous, &visit.info, |cx| sso::portal::accounts(cx, &person.session));
    Ok(read?)
}

/// What is searched for, bounded.
pub(super) fn search_of(visit: &Visit) -> String {
    visit.query("q").unwrap_or_default().trim().chars().take(QUERY_CHARACTERS_MAX).collect()
}

fn account(account: PortalAccount) -> Account {
    let role = |role: sso::portal::PortalRole| Role {
        name: role.name,
        description: role.description,
        is_ready: role.is_provisioned,
    };
    Account {
        id: account.id.to_string(),
        name: account.name,
        email: account.email,
        path: account.path,
        roles: account.roles.into_iter().map(role).collect(),
    }
}

/// An empty list has a reason that its owner cannot see otherwise.
fn banner(visit: &Visit, person: &Person, is_empty: bool) -> Result<Option<Banner>, Failure> {
    let Some(org) = person.instance.org.as_ref().filter(|_| is_empty) else { return Ok(None) };
    let is_trusted = visit.app().store.read(|tx| org::trusted_access::is_trusted(tx, org, sso::SERVICE))?;
    Ok((!is_trusted).then_some(Banner::TrustedAccessOff))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_aws_lead_to_the_pages_that_they_mean() {
        let place = |host: &str, path: &str| {
            place_of_portal(&Request::get(path).header("host", host).body(Body::empty()).expect("valid"))
        };
        let start = Some("/start?instance=ssoins-0123456789abcdef");
        for path in ["/ssoins-0123456789abcdef", "/ssoins-0123456789abcdef/"] {
            assert_eq!(place("identitycenter.amazonaws.com", path).as_deref(), start);
        }
        assert_eq!(place("identitycenter.amazonaws.com", "/"), None);
        let device = |path| place("device.sso.eu-west-1.amazonaws.com:443", path);
        assert_eq!(device("/?user_code=ABCD-EFGH").as_deref(), Some("/device?user_code=ABCD-EFGH"));
        assert_eq!(device("/").as_deref(), Some("/device"));
        assert_eq!(device("/token"), None);
        for host in ["portal.sso.eu-west-1.amazonaws.com", "device.sso.evil.example", "127.0.0.1:4600"] {
            assert_eq!(place(host, "/ssoins-0123456789abcdef"), None, "{host}");
            assert_eq!(place(host, "/"), None, "{host}");
        }
    }
}
