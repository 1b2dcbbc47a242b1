//! One request for a page: who sent it and what it carries.

use super::answer::{self, Answer, Failure};
use super::cookie::{self, Cookie};
use super::form::{self, Values};
use super::{Handler, Web};
use crate::authn;
use axum::response::Response;
use base::{InstanceId, Timestamp};
use http::request::Parts;
use http::{StatusCode, header};
use kernel::{App, Caller, Error, PrincipalCaller, RequestInfo, Result, dispatch};
use pages::frame::Frame;
use signin::session::{ConsoleSession, Place};
use smithy::schema::Operation;
use sso::instance::Instance;
use sso::session::{self, PortalSession};
use std::sync::Arc;

/// A request for a page.
pub(super) struct Visit {
    web: Arc<Web>,
    /// Facts of the request, for the domain.
    pub(super) info: Arc<RequestInfo>,
    head: Parts,
    query: Values,
    form: Values,
}

/// Somebody who is signed in.
pub(super) struct Person {
    /// The session of the browser.
    pub(super) session: PortalSession,
    /// Where it is good.
    pub(super) instance: Instance,
    /// The name by which the person signed in.
    pub(super) user_name: String,
    display_name: Option<String>,
    cookie: String,
}

impl Person {
    /// How the person is greeted.
    fn shown_name(&self) -> &str {
        self.display_name.as_deref().unwrap_or(&self.user_name)
    }
}

/// Somebody who uses the console.
pub(super) struct InConsole {
    /// Who.
    pub(super) session: ConsoleSession,
    /// Whom one switches back to, from a switched role.
    pub(super) base: Option<ConsoleSession>,
    cookie: String,
}

impl Visit {
    pub(super) fn new(web: Arc<Web>, info: Arc<RequestInfo>, head: Parts, form: &[u8]) -> Self {
        let query = Values::parse(head.uri.query().unwrap_or_default().as_bytes());
        Self { web, info, head, query, form: Values::parse(form) }
    }

    /// What `handler` answers; a failure becomes a page.
    pub(super) fn answered(&self, handler: Handler) -> Response {
        match handler(self) {
            Ok(response) => response,
            Err(failure) => {
                let person = match failure {
                    Failure::Told { .. } => self.person().ok().flatten(),
                    _ => None,
                };
                answer::failed(&failure, &self.info, person.as_ref().map(Person::shown_name))
            }
        }
    }

    /// The application.
    pub(super) fn app(&self) -> &Arc<App> {
        &self.web.app
    }

    /// The present instant.
    pub(super) fn now(&self) -> Timestamp {
        self.app().now()
    }

    /// Path and query, as they came.
    pub(super) fn place(&self) -> &str {
        self.head.uri.path_and_query().map_or("/", |place| place.as_str())
    }

    /// The query, as it came.
    pub(super) fn raw_query(&self) -> &str {
        self.head.uri.query().unwrap_or_default()
    }

    /// The first value of a name in the query.
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query.get(name)
    }

    /// The first value of a name in the form; nothing when it is missing.
    pub(super) fn field(&self, name: &str) -> &str {
        self.form.get(name).unwrap_or_default()
    }

    /// A header as text.
    pub(super) fn header(&self, name: header::HeaderName) -> Option<&str> {
        self.head.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The address under which people reach the server, without a slash at the end.
    pub(super) fn base_url(&self) -> &str {
        self.app().settings.base_url.trim_end_matches('/')
    }

    /// Whether people reach the server through https, whoever ends the encryption.
    pub(super) fn is_https(&self) -> bool {
        self.info.is_secure || self.base_url().starts_with("https://")
    }

    /// The value of a cookie of ours.
    pub(super) fn cookie(&self, which: Cookie) -> Option<&str> {
        cookie::find(&self.head.headers, which, self.is_https())
    }

    /// The surroundings of a page for nobody in particular.
    pub(super) fn frame(&self) -> Frame<'_> {
        Frame { request_id: &self.info.request_id, user: None }
    }

    /// The surroundings of a page for `person`.
    pub(super) fn frame_of<'a>(&'a self, person: &'a Person) -> Frame<'a> {
        Frame { user: Some(person.shown_name()), ..self.frame() }
    }

    /// The instance whose id an address names, else the one that the host of the request names, else that of the
    /// server's own address.
    pub(super) fn instance(&self, named: Option<&str>) -> Result<Instance, Failure> {
        if let Some(id) = named {
            return InstanceId::parse(id).map_or_else(|| Err(no_such_portal()), |id| self.instance_of(&id));
        }
        let host = self.header(header::HOST).unwrap_or_default().split(':').next().unwrap_or_default();
        let host = host.to_ascii_lowercase();
        let url = if host.ends_with(".awsapps.com") {
            format!("https://{host}/start")
        } else if host.ends_with(".app.aws") {
            format!("https://{host}")
        } else {
            format!("{}/start", self.base_url())
        };
        let settings = &self.app().settings;
        let found = self.app().store.read(|tx| sso::instance::of_start_url(tx, settings, &url))?;
        found.ok_or_else(|| {
            let text = "This server has no user portal yet: IAM Identity Center is not enabled. An administrator enables \
                        it with “vestibule identity-center enable”.";
            Failure::told(StatusCode::NOT_FOUND, "There is no user portal", text)
        })
    }

    /// The instance of that id.
    pub(super) fn instance_of(&self, id: &InstanceId) -> Result<Instance, Failure> {
        let found = self.app().store.read(|tx| sso::instance::get(tx, id))?;
        found.ok_or_else(no_such_portal)
    }

    /// Path and query under which a browser finds `page` of that instance.
    pub(super) fn place_in(&self, instance: &Instance, page: &str) -> Result<String, Failure> {
        let app = self.app();
        Ok(app.store.read(|tx| sso::instance::place(tx, &app.settings, instance, page))?)
    }

    /// Who is signed in, if anybody.
    pub(super) fn person(&self) -> Result<Option<Person>, Failure> {
        let Some(cookie) = self.cookie(Cookie::Session) else { return Ok(None) };
        let Some(session) = session::of_cookie(self.app(), cookie)? else { return Ok(None) };
        let found = self.app().store.read(|tx| {
            let Some(instance) = sso::instance::get(tx, &session.instance)? else { return Ok(None) };
            let user = identity::user::get(tx, &instance.store, &session.user)?;
            Ok(user.map(|user| (instance, user)))
        })?;
        Ok(found.map(|(instance, user)| Person {
            session,
            instance,
            user_name: user.user_name,
            display_name: user.display_name,
            cookie: cookie.to_owned(),
        }))
    }

    /// Who is signed in, to the instance that the address names if it names one; whoever is not comes to `next`
    /// afterwards.
    pub(super) fn signed_in(&self, next: &str) -> Result<Person, Failure> {
        let named = self.query("instance");
        let person = self.person()?.filter(|person| named.is_none_or(|id| id == person.instance.id.as_str()));
        person.ok_or_else(|| Failure::SignIn { next: next.to_owned() })
    }

    /// The token for the forms of a page, good with `cookie`.
    pub(super) fn token(&self, cookie: &str) -> String {
        let token = session::csrf_token(self.app(), cookie);
        self.app().with_random(|random| form::mask(&token, random))
    }

    /// Whether the form was made by a page of ours, for the browser that has `cookie`.
    pub(super) fn has_token(&self, cookie: &str) -> bool {
        form::unmask(self.field("csrf")).is_some_and(|token| session::is_csrf_token(self.app(), cookie, &token))
    }

    /// The token for the forms of `person`.
    pub(super) fn token_of(&self, person: &Person) -> String {
        self.token(&person.cookie)
    }

    /// Whoever is signed in and has sent this form from a page of ours.
    pub(super) fn sender(&self, next: &str) -> Result<Person, Failure> {
        let person = self.signed_in(next)?;
        if !self.has_token(&person.cookie) {
            return Err(form::refused());
        }
        Ok(person)
    }

    /// Who uses the console, if anybody: found out as for every signed call. A switched role that has ended leaves whoever
    /// switched.
    pub(super) fn console(&self) -> Result<Option<InConsole>, Failure> {
        let base = self.console_session(Cookie::ConsoleBase, Place::Base)?;
        match (self.console_session(Cookie::Console, Place::Current)?, base) {
            (Some((session, cookie)), base) => {
                Ok(Some(InConsole { session, base: base.map(|(base, _)| base), cookie }))
            }
            (None, Some((session, cookie))) => Ok(Some(InConsole { session, base: None, cookie })),
            (None, None) => Ok(None),
        }
    }

    fn console_session(&self, which: Cookie, place: Place) -> Result<Option<(ConsoleSession, String)>, Failure> {
        let Some(cookie) = self.cookie(which) else { return Ok(None) };
        let Some(session) = ConsoleSession::open(place, &self.app().seal, cookie, self.now()) else { return Ok(None) };
        let is_good =
            self.is_alive(&session.caller)? && self.app().store.read(|tx| session.is_password_unchanged(tx))?;
        Ok(is_good.then(|| (session, cookie.to_owned())))
    }

    /// Whether a principal is alive, as for every signed call.
    pub(super) fn is_alive(&self, caller: &PrincipalCaller) -> Result<bool, Failure> {
        Ok(authn::is_alive(self.app(), &self.web.gate, caller, &self.info)?)
    }

    /// Who uses the console; whoever does not comes to `next` afterwards.
    pub(super) fn in_console(&self, next: &str) -> Result<InConsole, Failure> {
        self.console()?.ok_or_else(|| Failure::ConsoleSignIn { next: next.to_owned() })
    }

    /// The token for the forms of whoever uses the console.
    pub(super) fn console_token(&self, who: &InConsole) -> String {
        self.token(&who.cookie)
    }

    /// Whoever uses the console and has sent this form from a page of ours.
    pub(super) fn console_sender(&self, next: &str) -> Result<InConsole, Failure> {
        let who = self.in_console(next)?;
        if self.has_token(&who.cookie) { Ok(who) } else { Err(form::refused()) }
    }

    /// Calls an operation as `caller`, on the path of every call.
    pub(super) fn call<O: Operation>(&self, caller: &Caller, input: &O::In) -> Result<O::Out> {
        let route = self.app().registry().find(O::OP);
        let route = route.ok_or_else(|| Error::internal(format!("{} is not served", O::OP.name)))?;
        let output = dispatch::call(self.app(), route, caller, &self.info, input)?.into_any().downcast::<O::Out>();
        output.map(|output| *output).map_err(|_| Error::internal(format!("{} answered another shape", O::OP.name)))
    }

    /// Whether the browser takes answers that are compressed with gzip.
    pub(super) fn accepts_gzip(&self) -> bool {
        self.header(header::ACCEPT_ENCODING).is_some_and(answer::names_gzip)
    }
}

fn no_such_portal() -> Failure {
    Failure::told(StatusCode::NOT_FOUND, "There is no such portal", "It has been deleted, or never was.")
}

/// The answer to a visit whose form lacks a field: no page of ours sends it.
pub(super) fn incomplete() -> Answer {
    Err(Failure::told(StatusCode::BAD_REQUEST, "The form is incomplete", "Go back, load the page again and repeat it."))
}
