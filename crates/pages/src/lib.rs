//! The pages that people see when they sign in: HTML from values, complete without JavaScript.
//!
//! Deliberately absent: requests, cookies, storage. The server decides what a page shows.
