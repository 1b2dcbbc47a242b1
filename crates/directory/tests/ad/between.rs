//! What stands between us and a controller, and fails when a test wants it to.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

const CHUNK_BYTES: usize = 4_096;
const PORT: u16 = 636;

#[derive(Default)]
struct State {
    fault: Option<Fault>,
    open: Vec<TcpStream>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// So many more bytes come from the controller; then it is as if it had been stopped.
    CutAfter(usize),
    /// Connections are taken, and nothing comes.
    Silent,
}

/// A way to a controller.
#[derive(Clone)]
pub struct Between {
    pub address: IpAddr,
    pub port: u16,
    shared: Arc<(Mutex<State>, Condvar)>,
}

impl Between {
    /// One on a port of its own.
    pub fn new(controller: IpAddr) -> Self {
        Self::at((Ipv4Addr::LOCALHOST, 0).into(), controller)
    }

    pub fn at(at: SocketAddr, controller: IpAddr) -> Self {
        let listener = TcpListener::bind(at).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let between = Self { address: at.ip(), port, shared: Arc::default() };
        let own = between.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                own.serve(client, controller);
            }
        });
        between
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, client: TcpStream, controller: IpAddr) {
        if self.state().fault == Some(Fault::CutAfter(0)) {
            return;
        }
        let Ok(server) = TcpStream::connect((controller, PORT)) else { return };
        for stream in [&client, &server] {
            stream.set_nodelay(true).expect("a socket");
            self.state().open.push(stream.try_clone().expect("a socket"));
        }
        let copies = [&client, &server].map(|stream| stream.try_clone().expect("a socket"));
        let [mut client_again, mut server_again] = copies;
        std::thread::spawn(move || std::io::copy(&mut client_again, &mut server_again));
        let own = self.clone();
        std::thread::spawn(move || own.answer(server, client));
    }

    /// Copies what the controller says, as far as the fault lets it.
    fn answer(&self, mut server: TcpStream, mut client: TcpStream) {
        let mut chunk = [0; CHUNK_BYTES];
        while let Ok(count @ 1..) = server.read(&mut chunk) {
            let let_through = self.admitted(count);
            if client.write_all(&chunk[..let_through]).is_err() {
                break;
            }
            if let_through < count {
                self.cut();
            }
        }
        client.shutdown(Shutdown::Both).ok();
    }

    fn admitted(&self, count: usize) -> usize {
        let mut state = self.state();
        while state.fault == Some(Fault::Silent) {
            let waited = self.shared.1.wait_timeout(state, Duration::from_secs(60));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let Some(Fault::CutAfter(left)) = &mut state.fault else { return count };
        let admitted = count.min(*left);
        *left -= admitted;
        admitted
    }

    fn cut(&self) {
        for stream in self.state().open.drain(..) {
            stream.shutdown(Shutdown::Both).ok();
        }
    }

    fn set(&self, fault: Option<Fault>) {
        self.state().fault = fault;
        self.shared.1.notify_all();
    }

    /// Cuts everything after so many bytes from the controller; then there is nobody.
    pub fn cut_after(&self, bytes: usize) {
        self.set(Some(Fault::CutAfter(bytes)));
    }

    /// Cuts everything now.
    pub fn stop(&self) {
        self.set(Some(Fault::CutAfter(0)));
        self.cut();
    }

    pub fn silence(&self) {
        self.set(Some(Fault::Silent));
    }

    pub fn mend(&self) {
        self.set(None);
    }
}
