//! The console: how one comes in from the portal, and the page on which everybody lands.

use super::answer::{self, Answer, Failure};
use super::cookie::{self, Cookie};
use super::credentials::no_access;
use super::destination;
use super::visit::{Person, Visit};
use axum::body::Body;
use axum::response::Response;
use http::{Request, StatusCode, header};
use kernel::{Caller, Error};
use model::sts::Credentials;
use pages::console::{Console, Way};
use signin::session::{ConsoleSession, Place, Via};
use sso::portal_event;

/// Longest address of a page that is shown.
const DESTINATION_BYTES_MAX: usize = 2_048;
/// Where consoles of AWS are.
const CONSOLES: &str = "aws.amazon.com";
/// The host of AWS's sign-in.
const SIGN_IN_HOST: &str = "signin.aws.amazon.com";
/// Our own pages that somebody in the console may be sent to.
const PAGES: [&str; 4] = ["/console", "/switchrole", "/start", "/v1/authorize"];

/// Where to go in the console: one of our pages, or the first page, which names the page of AWS's consoles that was
/// wanted. Anything else means the first page, so that no link sends people elsewhere.
pub(super) fn place(visit: &Visit, wanted: &str) -> String {
    if wanted.len() > DESTINATION_BYTES_MAX || !destination::is_plain(wanted) {
        return PAGES[0].to_owned();
    }
    let own = wanted.strip_prefix(visit.base_url()).unwrap_or(wanted);
    if destination::is_one_of(&PAGES, own) {
        return own.to_owned();
    }
    if is_console(wanted) {
        return format!("/console?destination={}", answer::encoded(wanted));
    }
    PAGES[0].to_owned()
}

/// Whether `url` is one of AWS's consoles.
fn is_console(url: &str) -> bool {
    let host = url.strip_prefix("https://").and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default();
    let host = host.to_ascii_lowercase();
    host.strip_suffix(CONSOLES).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte))
}

/// Where a browser goes that asks for a page under the host names of AWS's consoles, or of its sign-in.
pub(super) fn place_of_console(request: &Request<Body>) -> Option<String> {
    let host = request.headers().get(header::HOST)?.to_str().ok()?.split(':').next()?.to_ascii_lowercase();
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    if host == SIGN_IN_HOST || host.ends_with(".signin.aws.amazon.com") {
        return (path == "/").then(|| PAGES[0].to_owned());
    }
    let is_console = host == "console.aws.amazon.com" || host.ends_with(".console.aws.amazon.com");
    let wanted = answer::encoded(&format!("https://{host}{path}"));
    is_console.then(|| format!("https://{SIGN_IN_HOST}/console?destination={wanted}"))
}

/// Lets the browser into the console with `session`, and sends it on to `place`.
pub(super) fn enter(
    visit: &Visit,
    session: &ConsoleSession,
    base: Option<&ConsoleSession>,
    status: StatusCode,
    place: &str,
) -> Answer {
    let app = visit.app();
    let seal = |session: &ConsoleSession, place| app.with_random(|random| session.seal(place, &app.seal, random));
    let mut response = answer::redirect_with(status, place)?;
    set(visit, &mut response, Cookie::Console, &seal(session, Place::Current)?, session);
    match base {
        Some(base) => set(visit, &mut response, Cookie::ConsoleBase, &seal(base, Place::Base)?, base),
        None => forget(visit, &mut response, Cookie::ConsoleBase),
    }
    Ok(response)
}

fn set(visit: &Visit, response: &mut Response, which: Cookie, value: &str, session: &ConsoleSession) {
    let seconds = session.expires_at().seconds().saturating_sub(visit.now().seconds());
    answer::set_cookie(response, &cookie::set(which, visit.is_https(), value, seconds));
}

fn forget(visit: &Visit, response: &mut Response, which: Cookie) {
    if visit.cookie(which).is_some() {
        answer::set_cookie(response, &cookie::set(which, visit.is_https(), "", 0));
    }
}

/// Records that somebody has come in, with credentials that were made or verified for it.
pub(super) fn record(visit: &Visit, session: &ConsoleSession, place: &str) -> Result<(), Failure> {
    let login_to = format!("{}{place}", visit.base_url());
    visit
        .app()
        .write_as(&Caller::Anonymous, &visit.info, |cx| signin::event::signed_in(cx, &session.caller, &login_to))?;
    Ok(())
}

/// Opens a role of the portal: `/start/console?account_id=…&role_name=…[&destination=…]`, the address of deep links. AWS
/// lets a link do this, so that it can be kept as a bookmark; what it does is to let its owner into the owner's console.
pub(super) fn open_role(visit: &Visit) -> Answer {
    let person = visit.signed_in(visit.place())?;
    let Some(account_id) = visit.query("account_id") else { return answer::redirect("/start") };
    let Some(role_name) = visit.query("role_name") else {
        return answer::redirect(&format!("/start?q={}", answer::encoded(account_id)));
    };
    let session = role_session(visit, &person, account_id, role_name)?;
    let relay_state = visit.app().store.read(|tx| {
        let set = sso::permission_set::find_by_name(tx, &person.instance.id, role_name)?;
        Ok(set.and_then(|set| set.relay_state))
    })?;
    let wanted = visit.query("destination").or(relay_state.as_deref()).unwrap_or_default();
    let place = place(visit, wanted);
    record(visit, &session, &place)?;
    enter(visit, &session, None, StatusCode::SEE_OTHER, &place)
}

/// Credentials of the role, as the portal gives them out, with a record of what they are for.
fn role_session(visit: &Visit, person: &Person, account_id: &str, role_name: &str) -> Result<ConsoleSession, Failure> {
    let made = visit.app().write_as(&Caller::Anonymous, &visit.info, |cx| {
        let credentials = sso::portal::credentials(cx, &person.session, account_id, role_name)?;
        let parameters = [("accountId", account_id), ("roleName", role_name)];
        portal_event::record(cx, &person.session, "Federate", &parameters)?;
        Ok(credentials)
    });
    let credentials = made.map_err(|error| match error {
        Error::Denied(_) => no_access(),
        other => Failure::Domain(other),
    })?;
    Ok(session_of(visit, Some(credentials), Via::IdentityCenter)?)
}

/// The session of credentials that were just made.
pub(super) fn session_of(visit: &Visit, credentials: Option<Credentials>, via: Via) -> Result<ConsoleSession, Error> {
    let session = credentials.and_then(|made| ConsoleSession::of_credentials(&visit.app().seal, &made, via));
    session.ok_or_else(|| Error::internal("credentials that were just made are none"))
}

/// Shows who one is.
pub(super) fn show(visit: &Visit) -> Answer {
    let who = visit.in_console(visit.place())?;
    let session = &who.session;
    let account = visit.app().store.read(|tx| iam::account::get(tx, &session.caller.account))?;
    let base_arn = who.base.as_ref().map(|base| base.caller.arn());
    let page = Console {
        frame: visit.frame(),
        arn: &session.caller.arn(),
        account_id: session.caller.account.as_str(),
        account_name: account.as_ref().map_or("", |account| &account.name),
        account_alias: account.as_ref().and_then(|account| account.alias.as_deref()),
        way: way(session.via),
        shown_name: &session.shown.name,
        color: &session.shown.color,
        base_arn: base_arn.as_deref(),
        has_second_factor: session.caller.session.as_ref().is_some_and(|own| own.mfa_at.is_some()),
        ends_at: session.expires_at(),
        now: visit.now(),
        destination: visit.query("destination").filter(|url| url.len() <= DESTINATION_BYTES_MAX && is_console(url)),
        csrf: &visit.console_token(&who),
    };
    Ok(answer::page(StatusCode::OK, page.render()))
}

fn way(via: Via) -> Way {
    match via {
        Via::IdentityCenter => Way::IdentityCenter,
        Via::Saml => Way::Saml,
        Via::Federation => Way::Federation,
        Via::User => Way::User,
        Via::Root => Way::Root,
        Via::SwitchedRole => Way::SwitchedRole,
    }
}

/// Has the browser forget its session of the console. Credentials of STS cannot be taken back; these never left the cookie.
pub(super) fn sign_out(visit: &Visit) -> Answer {
    visit.console_sender("/console")?;
    let mut response = answer::redirect("/console/signin")?;
    forget(visit, &mut response, Cookie::Console);
    forget(visit, &mut response, Cookie::ConsoleBase);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_consoles_of_aws_are_named() {
        for url in [
            "https://console.aws.amazon.com/",
            "https://us-east-1.console.aws.amazon.com/s3/home?region=us-east-1#x",
            "https://phd.aws.amazon.com",
            "https://aws.amazon.com/console",
        ] {
            assert!(is_console(url), "{url}");
        }
        for url in [
            "http://console.aws.amazon.com/",
            "https://console.aws.amazon.com.evil.example/",
            "https://evil.example/console.aws.amazon.com",
            "https://evilaws.amazon.com/",
            "https://x@console.aws.amazon.com:443/",
            "javascript:alert(1)",
            "",
        ] {
            assert!(!is_console(url), "{url}");
        }
        let is_page = |path| destination::is_one_of(&PAGES, path);
        assert!(is_page("/switchrole?account=1") && is_page("/console") && !is_page("/consoles") && !is_page("//x"));
    }

    #[test]
    fn browsers_under_the_names_of_consoles_are_sent_to_the_sign_in() {
        let place = |host: &str, path: &str| {
            let request = Request::get(path).header("host", host);
            place_of_console(&request.body(Body::empty()).expect("valid"))
        };
        assert_eq!(place("signin.aws.amazon.com", "/").as_deref(), Some("/console"));
        let expected =
            "https://signin.aws.amazon.com/console?destination=https%3A%2F%2Feu-west-1.console.aws.amazon.com%2Fs3%3Fx";
        assert_eq!(place("eu-west-1.console.aws.amazon.com:443", "/s3?x").as_deref(), Some(expected));
        for host in ["sts.amazonaws.com", "127.0.0.1:4600", "console.aws.amazon.com.evil.example"] {
            assert_eq!(place(host, "/"), None, "{host}");
        }
    }
}
