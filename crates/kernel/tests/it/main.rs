//! The kernel on every engine: SQLite in memory and in a file, and PostgreSQL when `TEST_DATABASE_URL` names a server
//! on which databases may be created.

mod audit;
mod changes;
mod cost;
mod jobs;
mod outside;
mod pages;
mod postgres_connections;
mod schema;
mod support;
mod transactions;
