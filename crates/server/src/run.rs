//! Puts the application together and runs it until it is told to stop.

use crate::aws_hosts::AwsHosts;
use crate::bootstrap::{self, Bootstrap, DataDirectory};
use crate::config::Config;
use crate::domain_controller::DomainControllers;
use crate::gate::{Gate, SharedGate};
use crate::http::Edge;
use crate::last_used::LastUsed;
use crate::listen::Front;
use crate::mail::Mailer;
use crate::provider_keys::{AuthorityFile, Fetcher, Proxy};
use crate::proxy::TrustedProxies;
use crate::tls::Tls;
use crate::worker::Workers;
use crate::{backup, effects, linkage, listen};
use anyhow::{Context as _, Result};
use base::{Random, SystemClock};
use directory::managed::{self, Domains};
use iam::oidc_provider::keys::WantedKeys;
use kernel::App;
use kernel::app::Parts;
use kernel::route::Registry;
use kernel::seal::Seal;
use sso::session::LastSeen;
use std::sync::Arc;
use tokio::net::TcpListener;

/// How to serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// With a data directory.
    Durable,
    /// Everything in memory; can be reset.
    Ephemeral,
}

/// An application and what belongs to it.
pub struct Assembly {
    /// The application.
    pub app: Arc<App>,
    /// Its gate.
    pub gate: Arc<Gate>,
    /// What the first start drew, unless only the database knows.
    pub bootstrap: Option<Bootstrap>,
    _directory: Option<DataDirectory>,
}

/// Opens the data and puts the application together.
///
/// # Errors
/// A sentence that says what to do.
pub fn assemble(config: &Config, mode: Mode) -> Result<Assembly> {
    let mut random = Random::from_system();
    let directory = match mode {
        Mode::Durable => Some(DataDirectory::open(&config.data)?),
        Mode::Ephemeral => None,
    };
    let store = bootstrap::open_store(config, directory.as_ref()).map_err(explain)?;
    let seal = match &directory {
        Some(directory) => directory.seal(config, !bootstrap::is_bootstrapped(&store)?, &mut random)?,
        None => Seal::from_text(&Seal::generate(&mut random))?,
    };
    let gate = Arc::new(Gate::default());
    let authorities = config.oidc_ca_file.clone().map(AuthorityFile::new).transpose()?;
    let mailer = Mailer::new(config.smtp_url.as_deref(), config.mail_from.as_deref())?;
    let data = directory.as_ref().map(|_| config.data.as_path());
    let domains: Box<dyn Domains> = Box::new(DomainControllers::new(data, config.directory_addresses));
    if config.directories.allows_plain_ldap {
        tracing::warn!("--directory-allow-plain-ldap: passwords may cross the network where anybody can read them");
    }
    let fetcher = Fetcher { authorities, proxy: Proxy::from_environment() };
    let app = App::new(Parts {
        store,
        clock: Arc::new(SystemClock),
        random,
        seal,
        settings: config.settings.clone(),
        registry: Registry::new(crate::routes()),
        authorizer: Box::new(SharedGate(Arc::clone(&gate))),
        effects: effects::apply,
        jobs: crate::jobs(),
        extensions: linkage::extensions()
            .with(LastUsed::default())
            .with(LastSeen::default())
            .with(WantedKeys::default())
            .with(directory::Directories::new(config.directories.clone()))
            .with(fetcher)
            .with(mailer)
            .with(domains),
    });
    let bootstrap = bootstrap::bootstrap(&app, config, directory.as_ref())?;
    Ok(Assembly { app, gate, bootstrap, _directory: directory })
}

fn explain(error: kernel::Error) -> anyhow::Error {
    match error {
        kernel::Error::DatabaseTooNew { found, known } => anyhow::anyhow!(
            "the database has version {found}, but this program knows versions up to {known}: start a newer vestibule"
        ),
        other => anyhow::anyhow!("the database cannot be opened: {other}"),
    }
}

/// Serves until SIGTERM or SIGINT; `ready` is called once connections are accepted.
///
/// # Errors
/// A sentence that says what to do.
pub fn serve(config: &Config, mode: Mode, ready: impl FnOnce(&Assembly, &Config) -> Result<()>) -> Result<()> {
    let tls = config.tls.clone().map(Tls::new).transpose()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no threads can be had")?;
    let listener = runtime
        .block_on(TcpListener::bind(config.listen))
        .with_context(|| format!("cannot listen on {}: choose another address or port with --listen", config.listen))?;
    let mut config = config.clone();
    let bound = listener.local_addr().context("the socket has no address")?;
    if config.listen.port() == 0 {
        let wildcard = format!(":{}", config.listen.port());
        let settings = &mut config.settings;
        if let Some(host) = settings.base_url.strip_suffix(&wildcard) {
            settings.base_url = format!("{host}:{}", bound.port());
        }
        config.listen = bound;
    }
    let mut aws_hosts = None;
    if let Some(address) = config.aws_hosts {
        let listener = runtime
            .block_on(TcpListener::bind(address))
            .with_context(|| format!("cannot listen on {address}: choose another address or port with --aws-hosts"))?;
        config.aws_hosts = Some(listener.local_addr().context("the socket has no address")?);
        aws_hosts = Some((listener, config.data.clone(), config.settings.region.clone()));
    }
    let assembly = assemble(&config, mode)?;
    // After the data directory is this process's own.
    let aws_hosts =
        aws_hosts.map(|(listener, data, region)| anyhow::Ok((listener, AwsHosts::new(&data, &region)?))).transpose()?;
    let first_state = match mode {
        Mode::Durable => None,
        Mode::Ephemeral => Some(assembly.app.store.image()?),
    };
    if let (Mode::Ephemeral, true, Some(bootstrap)) = (mode, config.has_data, &assembly.bootstrap) {
        bootstrap::write_ephemeral(&config.data, bootstrap)?;
    }
    if mode == Mode::Durable {
        backup::settle(&assembly.app, &config.data)?;
    }
    let edge = Edge::new(Arc::clone(&assembly.app), Arc::clone(&assembly.gate), first_state);
    if config.database_url.is_none() {
        // The data directory is locked: whoever had taken jobs of its database is gone.
        kernel::job::end_leases(&assembly.app)?;
    }
    let workers = Workers::start(&assembly.app).context("no threads can be had")?;
    managed::resume(&assembly.app)?;
    ready(&assembly, &config)?;
    let front = tls.map_or(Front::Plain, Front::Tls);
    runtime.block_on(serve_until_stopped(&edge, (listener, front, config.trusted_proxies), aws_hosts));
    workers.stop();
    managed::stop(&assembly.app);
    Ok(())
}

/// Serves both listeners until the process is told to stop, and what is under way then.
async fn serve_until_stopped(
    edge: &Arc<Edge>,
    (listener, front, proxies): (TcpListener, Front, TrustedProxies),
    aws_hosts: Option<(TcpListener, Arc<AwsHosts>)>,
) {
    let (stopping, stopped) = tokio::sync::watch::channel(false);
    let stop = || {
        let mut stopped = stopped.clone();
        async move {
            let _ = stopped.wait_for(|is_stopped| *is_stopped).await;
        }
    };
    let signal = async {
        stop_signal().await;
        tracing::info!("stopping");
        edge.announce_stop();
        let _ = stopping.send(true);
    };
    let under_aws_names = async {
        if let Some((listener, hosts)) = aws_hosts {
            let nobody = TrustedProxies::default();
            listen::serve(listener, Front::AwsHosts(hosts), nobody, edge.router(), stop()).await;
        }
    };
    tokio::join!(signal, under_aws_names, listen::serve(listener, front, proxies, edge.router(), stop()));
}

async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
