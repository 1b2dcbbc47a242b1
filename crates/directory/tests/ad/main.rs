//! Against a real domain controller, and in `openldap` against a server of another maker. `VESTIBULE_TEST_AD` names a
//! file with the lines that say where it is (`AD_FQDN='…'`, `AD_CA='…'`, …); the controller answers DNS too. `tools/test`
//! starts both and runs these.

mod between;
mod connect;
mod data;
mod fault;
mod openldap;
mod sign_in;
mod support;
mod sync;
