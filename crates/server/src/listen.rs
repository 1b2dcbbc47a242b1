//! Connections: accept, TLS, bounded heads, and an end that finishes what is under way.

use crate::aws_hosts::AwsHosts;
use crate::proxy::{Origin, TrustedProxies};
use crate::tls::Tls;
use axum::Router;
use axum::extract::ConnectInfo;
use base::limits::{REQUEST_HEAD_BYTES_MAX, REQUEST_READ_SECONDS_MAX};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// Connections that may be open at once.
const CONNECTIONS_MAX: usize = 10_000;
/// How long requests under way may take once the server is told to stop.
const STOP_PATIENCE: Duration = Duration::from_secs(20);

/// What stands between a connection and HTTP.
#[derive(Clone)]
pub enum Front {
    /// Nothing.
    Plain,
    /// TLS with a certificate from files.
    Tls(Arc<Tls>),
    /// TLS under AWS's own names, directly or through CONNECT.
    AwsHosts(Arc<AwsHosts>),
}

/// Marks a request that came over TLS, to the server or to a trusted proxy.
#[derive(Debug, Clone, Copy)]
pub struct OverTls;

/// Serves `router` on `listener`, to clients and through `proxies`, until `stop` resolves, then finishes the requests
/// that are under way.
pub async fn serve(
    listener: TcpListener,
    front: Front,
    proxies: TrustedProxies,
    router: Router,
    stop: impl Future<Output = ()>,
) {
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut stop = std::pin::pin!(stop);
    loop {
        let place = Arc::clone(&places).acquire_owned();
        let accepted = tokio::select! {
            biased;
            () = &mut stop => break,
            accepted = async { (place.await, listener.accept().await) } => accepted,
        };
        let (Ok(place), Ok((stream, peer))) = accepted else {
            // Out of file descriptors, most likely: pausing lets connections end.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let watcher = graceful.watcher();
        let (front, proxies, router) = (front.clone(), proxies.clone(), router.clone());
        tokio::spawn(async move {
            let _place = place;
            connection(stream, peer, (front, proxies), router, watcher).await;
        });
    }
    drop(listener);
    if tokio::time::timeout(STOP_PATIENCE, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests were still under way when the time to stop was over");
    }
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    (front, proxies): (Front, TrustedProxies),
    router: Router,
    watcher: hyper_util::server::graceful::Watcher,
) {
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let is_tls = !matches!(front, Front::Plain);
    let service = tower::ServiceExt::map_request(router, move |mut request: http::Request<hyper::body::Incoming>| {
        let origin = proxies.origin(Origin { address: peer, is_tls }, request.headers());
        request.extensions_mut().insert(ConnectInfo(origin.address));
        if origin.is_tls {
            request.extensions_mut().insert(OverTls);
        }
        request.map(axum::body::Body::new)
    });
    let service = TowerToHyperService::new(service);
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(REQUEST_READ_SECONDS_MAX))
        .max_buf_size(REQUEST_HEAD_BYTES_MAX)
        .pipeline_flush(true);
    let outcome = match front {
        Front::Plain => watcher.watch(builder.serve_connection(TokioIo::new(stream), service)).await,
        Front::AwsHosts(hosts) => match hosts.accept(stream).await {
            Some(stream) => watcher.watch(builder.serve_connection(TokioIo::new(stream), service)).await,
            None => return,
        },
        Front::Tls(tls) => {
            let handshake = tls.acceptor().accept(stream);
            match tokio::time::timeout(Duration::from_secs(REQUEST_READ_SECONDS_MAX), handshake).await {
                Ok(Ok(stream)) => watcher.watch(builder.serve_connection(TokioIo::new(stream), service)).await,
                _ => return,
            }
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(%error, "a connection ended early");
    }
}
