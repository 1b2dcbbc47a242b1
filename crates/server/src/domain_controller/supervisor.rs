//! One domain: it is made where there is none, and its controller is started, watched, and started again when it ends.

use super::certificate::{self, Subject};
use super::files::Files;
use super::names::Names;
use super::network::listening_obstacle;
use super::process::Process;
use super::programs::Programs;
use anyhow::{Context as _, Result, anyhow, bail};
use base::{Clock as _, Random, SystemClock};
use directory::managed::{ADMINISTRATOR, Plan, SERVICE_USER, State, controller_host, controller_name};
use kernel::App;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, ExitStatus};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Makes the database of a domain.
const PROVISION: &str = include_str!("provision.py");
/// How long that may take: some seconds, and far longer on a machine that has other things to do.
const PROVISION_TIME_MAX: Duration = Duration::from_secs(900);
/// Where a controller answers.
const LDAPS_PORT: u16 = 636;
/// How long one may take until it answers.
const START_TIME_MAX: Duration = Duration::from_secs(180);
/// How often is looked whether it does.
const START_LOOK: Duration = Duration::from_millis(100);
/// How long it may take to end.
const END_TIME_MAX: Duration = Duration::from_secs(10);
/// The first and the longest pause before one that ended is started again.
const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// One that ran for so long had no trouble starting.
const STEADY_TIME: Duration = Duration::from_secs(60);
/// Its certificate is good for longer than it runs without being started again.
const RUN_TIME_MAX: Duration = Duration::from_secs(300 * 86_400);

type Work = Box<dyn FnOnce() -> io::Result<()> + Send>;

enum Event {
    /// The program of that number has ended.
    Ended(u64),
    /// Something is to be done while the domain stands still.
    Still(Work, Sender<io::Result<()>>),
    /// The domain is to end.
    Stop,
}

/// The handle of a domain that runs, or is to run.
pub(super) struct Supervisor {
    state: Arc<Mutex<State>>,
    events: Sender<Event>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Supervisor {
    /// Lets a domain run from now on.
    ///
    /// # Errors
    /// When the operating system gives no thread.
    pub(super) fn start(app: &Arc<App>, plan: Plan, files: Files, programs: Programs) -> io::Result<Self> {
        let state = Arc::new(Mutex::new(State::Starting));
        let (events, received) = mpsc::channel();
        let run = Run {
            app: Arc::downgrade(app),
            plan,
            files,
            programs,
            state: Arc::clone(&state),
            events: events.clone(),
            received,
            failures: 0,
            started: 0,
        };
        let thread = std::thread::Builder::new().name("domain".to_owned()).spawn(move || run.supervise())?;
        Ok(Self { state, events, thread: Mutex::new(Some(thread)) })
    }

    /// What has come of it.
    pub(super) fn state(&self) -> State {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Does `work` while the domain stands still; afterwards it runs again.
    ///
    /// # Errors
    /// Those of `work`.
    pub(super) fn while_still(&self, work: Work) -> io::Result<()> {
        let (reply, answer) = mpsc::channel();
        let gone = |_| io::Error::other("the domain does not run");
        self.events.send(Event::Still(work, reply)).map_err(|_| io::Error::other("the domain does not run"))?;
        answer.recv().map_err(gone)?
    }

    /// Asks the domain to end, and waits until it has.
    pub(super) fn stop(&self) {
        self.ask_to_stop();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the supervisor of a domain had panicked");
        }
    }

    /// Asks the domain to end.
    pub(super) fn ask_to_stop(&self) {
        self.events.send(Event::Stop).ok();
    }
}

/// How it goes on after the controller has ended.
enum Next {
    Again,
    Stop,
}

struct Run {
    app: Weak<App>,
    plan: Plan,
    files: Files,
    programs: Programs,
    state: Arc<Mutex<State>>,
    events: Sender<Event>,
    received: Receiver<Event>,
    failures: u32,
    /// Programs that were started.
    started: u64,
}

impl Run {
    fn supervise(mut self) {
        if let Err(error) = self.make() {
            self.set(State::Failed { reason: format!("{error:#}") });
            return;
        }
        loop {
            let outcome = match self.run_once() {
                Ok(next) => next,
                Err(error) => self.down(&format!("{error:#}")),
            };
            if matches!(outcome, Next::Stop) {
                return;
            }
        }
    }

    /// Notes another state, and has the directory looked at.
    fn set(&self, state: State) {
        {
            let mut current = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            if *current == state {
                return;
            }
            *current = state;
        }
        let Some(app) = self.app.upgrade() else { return };
        if let Err(error) = directory::managed::changed(&app, &self.plan.id) {
            tracing::error!(directory = %self.plan.id, %error, "the state of a domain cannot be noted");
        }
    }

    /// Waits after a failure before the next start.
    fn down(&mut self, reason: &str) -> Next {
        tracing::warn!(directory = %self.plan.id, reason, failures = self.failures, "a domain controller is down");
        self.set(State::Down { reason: reason.to_owned(), failures: self.failures });
        let pause = PAUSE_MIN.saturating_mul(1 << self.failures.min(8)).min(PAUSE_MAX);
        self.failures = self.failures.saturating_add(1);
        let until = Instant::now() + pause;
        loop {
            match self.next(until) {
                None => return Next::Again,
                Some(Event::Ended(_)) => {}
                Some(Event::Still(work, reply)) => drop(reply.send(work())),
                Some(Event::Stop) => return Next::Stop,
            }
        }
    }

    /// The next event until an instant.
    fn next(&self, until: Instant) -> Option<Event> {
        match self.received.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(event) => Some(event),
            Err(RecvTimeoutError::Timeout) => None,
            // Cannot be: a sender is ours.
            Err(RecvTimeoutError::Disconnected) => Some(Event::Stop),
        }
    }

    fn process(&mut self, command: Command) -> io::Result<Process> {
        self.started += 1;
        let (events, number) = (self.events.clone(), self.started);
        Process::start(command, self.plan.id.as_str(), move || drop(events.send(Event::Ended(number))))
    }

    /// Makes the domain, unless it is there.
    fn make(&mut self) -> Result<()> {
        if let Err(error) = self.files.clear_attempts() {
            tracing::warn!(directory = %self.plan.id, %error, "what an earlier attempt left cannot be removed");
        }
        if self.files.is_made().context("the data of the domain cannot be read")? {
            return Ok(());
        }
        let Some(passwords) = self.plan.first_passwords.take() else {
            bail!("The data of the domain are gone: put {} back from a backup.", self.files.samba().display());
        };
        let place = self.files.new_samba(&Random::from_system().text(b"0123456789abcdef", 8));
        let configuration = self.files.configure(&place, &self.plan, controller_name(&self.plan.short_name), None)?;
        let input = serde_json::json!({
            "directory": place,
            "configuration": configuration,
            "name": self.plan.name,
            "short_name": self.plan.short_name,
            "controller": controller_name(&self.plan.short_name),
            "address": self.plan.address,
            "administrator": ADMINISTRATOR,
            "administrator_password": passwords.administrator.expose(),
            "service_user": SERVICE_USER,
            "service_password": passwords.service.expose(),
        });
        self.provision(&base::Secret::new(input.to_string()))?;
        self.files.finish(&place).context("the domain cannot be put into its place")
    }

    fn provision(&mut self, input: &base::Secret) -> Result<()> {
        let mut command = self.programs.python();
        // It is made durable as a whole at the end.
        command.args(["-c", PROVISION]).env("TDB_NO_FSYNC", "1");
        let mut process = self.process(command).context("Samba's tools cannot be started")?;
        let told = process.tell(input.expose().as_bytes());
        let until = Instant::now() + PROVISION_TIME_MAX;
        let is_stopped = loop {
            match self.next(until) {
                Some(Event::Ended(number)) if number == self.started => break false,
                Some(Event::Ended(_)) => {}
                Some(Event::Still(_, reply)) => drop(reply.send(Err(io::Error::other("the domain is being made")))),
                Some(Event::Stop) | None => break true,
            }
        };
        if is_stopped {
            process.kill();
        }
        let (status, last) = process.wait();
        if is_stopped {
            bail!("Making the domain was stopped, or took too long.");
        }
        if status.is_none_or(|status| !status.success()) || told.is_err() {
            return Err(anyhow!("The domain cannot be made: {last}{}", self.programs.hint(&last)));
        }
        Ok(())
    }

    /// Starts the controller, and returns when it has ended or is to end.
    fn run_once(&mut self) -> Result<Next> {
        if let Some(obstacle) = listening_obstacle(self.plan.address) {
            bail!("{obstacle}");
        }
        let place = self.files.samba();
        let host = controller_host(&self.plan.short_name, &self.plan.name);
        let subject = Subject { domain: &self.plan.name, host: &host, address: self.plan.address };
        let authority = certificate::renew(&self.files.tls(), &subject, SystemClock.now())?;
        let names = Names::listen(&self.app, &self.plan.id, self.plan.address).context("names cannot be forwarded")?;
        let name = controller_name(&self.plan.short_name);
        let configuration = self.files.configure(&place, &self.plan, name, Some(names.address()))?;
        let mut command = self.programs.samba();
        // Interactive: it ends when its standard input does, and so with the server, however that ends.
        command.args(["-i", "--no-process-group", "-M", "single", "-s"]).arg(&configuration);
        command.env("KRB5_CONFIG", place.join("etc/krb5.conf")).current_dir(&place);
        let process = self.process(command).context("Samba cannot be started")?;
        let started = Instant::now();
        let mut is_running = false;
        loop {
            let until = if is_running { started + RUN_TIME_MAX } else { Instant::now() + START_LOOK };
            match self.next(until) {
                Some(Event::Ended(number)) if number < self.started => {}
                Some(Event::Ended(_)) => {
                    let (status, last) = process.wait();
                    if is_running && started.elapsed() > STEADY_TIME {
                        self.failures = 0;
                    }
                    bail!("The domain controller ended{}", how(status, &last));
                }
                Some(Event::Still(work, reply)) => {
                    self.end(process);
                    drop(reply.send(work()));
                    return Ok(Next::Again);
                }
                Some(Event::Stop) => {
                    self.end(process);
                    return Ok(Next::Stop);
                }
                None if is_running => {
                    tracing::info!(directory = %self.plan.id, "the certificate of a domain controller is renewed");
                    self.end(process);
                    return Ok(Next::Again);
                }
                None if self.answers() => {
                    tracing::info!(directory = %self.plan.id, address = %self.plan.address, "a domain controller runs");
                    is_running = true;
                    self.set(State::Running { authority: authority.clone() });
                }
                None if started.elapsed() > START_TIME_MAX => {
                    self.end(process);
                    bail!("The domain controller did not answer within {} seconds.", START_TIME_MAX.as_secs());
                }
                None => {}
            }
        }
    }

    fn answers(&self) -> bool {
        let address = SocketAddr::from((self.plan.address, LDAPS_PORT));
        TcpStream::connect_timeout(&address, START_LOOK).is_ok()
    }

    /// Ends a program, with patience.
    fn end(&self, mut process: Process) {
        process.ask_to_end();
        let until = Instant::now() + END_TIME_MAX;
        let mut later = Vec::new();
        loop {
            match self.next(until) {
                Some(Event::Ended(number)) if number < self.started => {}
                Some(Event::Ended(_)) => break,
                Some(other) => later.push(other),
                None => {
                    process.kill();
                    break;
                }
            }
        }
        process.wait();
        // What came meanwhile is still to be done.
        later.into_iter().for_each(|event| drop(self.events.send(event)));
    }
}

/// How a program ended, with the last that it said, unless it was killed: then that is not why.
fn how(status: Option<ExitStatus>, last: &str) -> String {
    match status {
        Some(status) if status.code().is_none() => format!(" ({status})."),
        Some(status) => format!(" ({status}): {last}"),
        None => format!(": {last}"),
    }
}
