//! The yardstick: a handler of the same framework, behind the same connection settings, that reads the body and
//! answers with fixed bytes.

use anyhow::{Context as _, Result};
use axum::Router;
use axum::response::IntoResponse as _;
use bytes::Bytes;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use std::io::Write as _;
use std::path::Path;
use tokio::net::TcpListener;

/// Serves until the process is ended; prints the address first, in the form in which the server prints its own.
pub fn serve(body: &Path, content_type: &str) -> Result<()> {
    let body = Bytes::from(std::fs::read(body).with_context(|| body.display().to_string())?);
    let content_type = HeaderValue::from_str(content_type)?;
    let id = HeaderValue::from_static("00000000-0000-4000-8000-000000000000");
    let router = Router::new().fallback(move |_: Bytes| {
        let headers = [(CONTENT_TYPE, content_type.clone()), ("x-amzn-requestid".parse().expect("a name"), id.clone())];
        std::future::ready((headers, body.clone()).into_response())
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("  API endpoint    http://{}", listener.local_addr()?);
        std::io::stdout().flush()?;
        server::listen::serve(
            listener,
            server::listen::Front::Plain,
            Default::default(),
            router,
            std::future::pending(),
        )
        .await;
        Ok(())
    })
}
