//! A small hand-written service for the tests of this crate: every feature of the models in one shape.

use crate::schema::{ErrorMeta, Location, Op, Paging, Protocol, Schema, Service};
use crate::{Blob, Document};
use base::Timestamp;
use std::collections::BTreeMap;

crate::enumeration! { pub enum Kind {
    A = "A",
    B = "B",
} }

#[derive(Default, Clone)]
pub struct Thing {
    pub at: Option<Timestamp>,
    pub child: Option<Inner>,
    pub children: Option<Vec<Thing>>,
    pub count: Option<i32>,
    pub data: Option<Blob>,
    pub free: Option<Document>,
    pub kind: Option<Kind>,
    pub labels: Option<BTreeMap<String, String>>,
    pub name: String,
    pub names: Option<Vec<String>>,
    pub on: Option<bool>,
    pub secret: Option<String>,
    pub share: Option<f64>,
    pub size: Option<i64>,
}
crate::shape!(Thing { 0 at 1 child 2 children 3 count 4 data 5 free 6 kind 7 labels 8 name 9 names 10 on 11 secret 12 share 13 size });

#[derive(Default, Clone)]
pub struct Inner {
    pub name: Option<String>,
}
crate::shape!(Inner { 0 name });

#[derive(Default, Clone)]
pub struct RestThing {
    pub id: String,
    pub limit: Option<i32>,
    pub note: Option<String>,
    pub token: Option<String>,
}
crate::shape!(RestThing { 0 id 1 limit 2 note 3 token });

#[derive(Default, Clone)]
pub struct BrokenException {
    pub message: Option<String>,
    pub reason: Option<Kind>,
}
crate::shape!(BrokenException { 0 message 1 reason });
crate::failure!(BrokenException, message: Option<String>);

#[allow(non_upper_case_globals)]
pub mod schema {
    use super::{Kind as Kinds, Location, Schema};
    use crate::table::*;

    pub static At: Schema = timestamp("At");
    pub static Count: Schema = integer("Count", range(1, 20));
    pub static Data: Schema = blob("Data", max(8));
    pub static Free: Schema = document("Free");
    pub static Inner: Schema = structure("Inner", &[opt("Name", &Name)]);
    pub static Kind: Schema = enumeration("Kind", Kinds::VALUES);
    pub static Label: Schema = string("Label", range(1, 4));
    pub static Labels: Schema = map("Labels", &Label, &Label, max(2));
    pub static Name: Schema = pattern("Name", range(1, 8), r"[\w&;<> +=,.@-]*");
    pub static Names: Schema = list("Names", &Name, range(1, 3));
    pub static On: Schema = boolean("On");
    pub static Secret: Schema = string("Secret", max(3)).sensitive();
    pub static Share: Schema = double("Share");
    pub static Size: Schema = long("Size", min(0));
    pub static Things: Schema = list("Things", &Thing, ANY);
    pub static Thing: Schema = structure(
        "Thing",
        &[
            opt("At", &At),
            opt("Child", &Inner),
            opt("Children", &Things),
            opt("Count", &Count),
            opt("Data", &Data),
            opt("Free", &Free),
            opt("Kind", &Kind),
            opt("Labels", &Labels),
            req("Name", &Name),
            opt("Names", &Names),
            opt("On", &On),
            opt("Secret", &Secret),
            opt("Share", &Share),
            opt("Size", &Size),
        ],
    );
    pub static RestThing: Schema = structure(
        "RestThing",
        &[
            req("id", &Name).at(Location::Label),
            opt("limit", &Count).wire("max_result").at(Location::Query),
            opt("note", &Name),
            opt("token", &Secret).wire("x-token").at(Location::Header),
        ],
    );
    pub static BrokenException: Schema = structure("BrokenException", &[opt("Message", &Label), opt("Reason", &Kind)]);
}

#[allow(non_upper_case_globals)]
pub mod error {
    use super::ErrorMeta;
    pub static BrokenException: ErrorMeta =
        ErrorMeta { name: "BrokenException", code: "Broken", status: 409, sender_fault: true };
}

static ERRORS: &[&ErrorMeta] = &[&error::BrokenException];

const fn op(service: &'static Service, name: &'static str, method: &'static str, path: &'static str) -> Op {
    let (input, result_wrapper) = match service.protocol {
        Protocol::RestJson => (&schema::RestThing, ""),
        Protocol::Json | Protocol::Query => (&schema::Thing, "GetThingResult"),
    };
    Op {
        service,
        name,
        method,
        path,
        status: 200,
        unsigned: false,
        input,
        output: Some(input),
        result_wrapper,
        errors: ERRORS,
        paging: None::<Paging>,
    }
}

pub const fn service(id: &'static str, protocol: Protocol, operations: &'static [&'static Op]) -> Service {
    Service {
        id,
        protocol,
        signing_name: id,
        endpoint_prefix: id,
        target_prefix: "Things_1",
        api_version: "2010-05-08",
        xml_namespace: "https://things.example/",
        operations,
    }
}

pub static JSON: Service = service("things", Protocol::Json, &[&JSON_GET, &JSON_PUT]);
pub static JSON_GET: Op = op(&JSON, "GetThing", "POST", "/");
pub static JSON_PUT: Op = Op { output: None, ..op(&JSON, "PutThing", "POST", "/") };
pub static QUERY: Service = service("iam", Protocol::Query, &[&QUERY_GET, &QUERY_PUT]);
pub static QUERY_GET: Op = op(&QUERY, "GetThing", "POST", "/");
pub static QUERY_PUT: Op = Op { output: None, ..op(&QUERY, "PutThing", "POST", "/") };
pub static REST: Service = service("rest", Protocol::RestJson, &[&REST_GET, &REST_IAM, &REST_PUT]);
pub static REST_GET: Op = op(&REST, "GetThing", "GET", "/things/{id}/detail");
pub static REST_IAM: Op = op(&REST, "IamThing", "POST", "/token?aws_iam=t");
pub static REST_PUT: Op = op(&REST, "PutThing", "POST", "/token");
