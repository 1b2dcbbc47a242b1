//! The Vestibule server: HTTP edge, authentication, the gate, effects, workers, configuration, command line.
//!
//! [`run`] puts everything together. Domain rules live in the crates below; this one alone knows them all.

pub mod authn;
pub mod aws_hosts;
mod backup;
pub mod bootstrap;
pub mod cli;
pub mod cli_admin;
pub mod cli_policy;
pub mod config;
pub mod coverage;
pub mod demo;
pub mod demux;
mod directories;
pub mod domain_controller;
pub mod effects;
pub mod gate;
pub mod http;
pub mod last_used;
pub mod linkage;
pub mod listen;
pub mod mail;
pub mod metrics;
pub mod openapi;
pub mod provider_keys;
pub mod proxy;
pub mod refusal;
pub mod run;
pub mod tls;
mod web;
pub mod worker;

use kernel::Route;
use kernel::job::JobHandler;

/// Every operation that is served.
pub fn routes() -> Vec<Route> {
    [
        iam::routes(),
        org::routes(),
        identity::routes(),
        directory::routes(),
        sso::routes(),
        signin::routes(),
        trail::routes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The code of every kind of job.
pub fn jobs() -> Vec<JobHandler> {
    [org::jobs(), directory::jobs(), sso::jobs(), signin::jobs(), trail::jobs(), provider_keys::jobs(), mail::jobs()]
        .into_iter()
        .flatten()
        .collect()
}
