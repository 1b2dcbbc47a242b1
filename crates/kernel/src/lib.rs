//! Everything that a handler is given: the store, its context, the route table, jobs, events, keys, the audit trail.
//!
//! Start at [`dispatch`], the one path of every call. Deliberately absent: HTTP, and any rule of a particular service.

pub mod app;
pub mod audit;
pub mod caller;
pub mod changes;
pub mod cx;
pub mod dispatch;
pub mod error;
pub mod event;
pub mod job;
pub mod mail;
pub mod page;
pub mod password;
pub mod route;
pub mod scope;
pub mod seal;
pub mod settings;
pub mod store;

pub use app::App;
pub use caller::{Caller, Principal, PrincipalCaller};
pub use cx::{Cx, DpopHeader, RequestInfo, WriteCx};
pub use error::{Error, Result};
pub use event::Event;
pub use route::{Access, Permission, Route};
pub use store::{Tx, WriteTx};
#[cfg(feature = "testing")]
pub mod testing;
