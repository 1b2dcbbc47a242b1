//! The program from outside: real process, real sockets, real clients.

mod acceptance;
mod administration;
mod authorization;
mod aws_cli;
mod aws_hosts;
mod backup;
mod cli_contract;
mod console;
mod crash;
mod harness;
mod logs;
mod managed_directory;
mod portal;
mod postgres;
mod sdk;
mod signatures;
mod tls;
mod web_identity;
mod wire;
mod wire_rules;
