//! A hundred crashes under load: no acknowledged change and no pending job is ever lost.

use crate::harness::{Scratch, Server, Start, eventually};
use crate::wire::{Call, Credentials, Signing};
use serde_json::json;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const CRASHES: usize = 100;
/// The crashes stop when this is over, whatever was reached: a slow machine must not fail for being slow.
const TIME_MAX: Duration = Duration::from_secs(90);
const WRITERS: usize = 3;

/// What the server has said it did.
#[derive(Default)]
struct Acknowledged {
    users: Mutex<BTreeSet<String>>,
    requests: Mutex<BTreeSet<String>>,
}

struct Writer {
    address: SocketAddr,
    admin: Credentials,
    names: Arc<AtomicU32>,
    acknowledged: Arc<Acknowledged>,
    is_over: Arc<AtomicBool>,
}

impl Writer {
    fn send(&self, service: &str, operation: &str, input: &serde_json::Value) -> Option<crate::wire::Answer> {
        let mut call = Call::of(service, operation, input);
        Signing::new(&self.admin, service).sign(&mut call, self.address);
        call.send(self.address).filter(|answer| answer.status == 200)
    }

    fn run(&self, creates_accounts: bool) {
        while !self.is_over.load(Ordering::Acquire) {
            let name = format!("n{}", self.names.fetch_add(1, Ordering::Relaxed));
            if creates_accounts {
                let input = json!({"Email": format!("{name}@example.com"), "AccountName": name});
                if let Some(answer) = self.send("organizations", "CreateAccount", &input) {
                    let id = answer.json()["CreateAccountStatus"]["Id"].as_str().expect("an id").to_owned();
                    self.acknowledged.requests.lock().expect("held briefly").insert(id);
                }
            } else if self.send("iam", "CreateUser", &json!({"UserName": name})).is_some() {
                self.acknowledged.users.lock().expect("held briefly").insert(name);
            }
        }
    }
}

fn listed_users(server: &Server) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut input = json!({"MaxItems": 1000});
    loop {
        let answer = server.ok(&server.admin(), "iam", "ListUsers", input);
        found.extend(
            answer.body.split("<UserName>").skip(1).filter_map(|rest| rest.split('<').next()).map(str::to_owned),
        );
        match answer.xml_opt("Marker") {
            Some(marker) => input = json!({"MaxItems": 1000, "Marker": marker}),
            None => return found,
        }
    }
}

#[test]
fn a_hundred_crashes_lose_nothing_that_was_acknowledged() {
    let scratch = Scratch::new();
    let data = scratch.join("data");
    let acknowledged = Arc::new(Acknowledged::default());
    let names = Arc::new(AtomicU32::new(0));
    let mut server = Start::durable(&data).with(&["--log", "error", "--accounts-max", "100000"]).server();
    server.organization();
    let started = Instant::now();
    let mut crashes = 0;
    while crashes < CRASHES && started.elapsed() < TIME_MAX {
        let is_over = Arc::new(AtomicBool::new(false));
        let before = names.load(Ordering::Relaxed);
        let writers: Vec<_> = (0..WRITERS)
            .map(|number| {
                let writer = Writer {
                    address: server.address,
                    admin: server.admin(),
                    names: Arc::clone(&names),
                    acknowledged: Arc::clone(&acknowledged),
                    is_over: Arc::clone(&is_over),
                };
                std::thread::spawn(move || writer.run(number == 0))
            })
            .collect();
        // Each crash comes after a different number of calls, in the middle of others.
        let calls = u32::try_from(crashes % 7).expect("small") * 3 + 4;
        eventually("the writers write", || (names.load(Ordering::Relaxed) >= before + calls).then_some(()));
        server.kill();
        is_over.store(true, Ordering::Release);
        for writer in writers {
            writer.join().expect("the writer ends");
        }
        crashes += 1;
        server = Start::durable(&data).with(&["--log", "error", "--accounts-max", "100000"]).server();
        if crashes % 10 == 0 || crashes == CRASHES {
            let lost: Vec<String> = {
                let users = acknowledged.users.lock().expect("held briefly");
                users.difference(&listed_users(&server)).cloned().collect()
            };
            assert!(lost.is_empty(), "after {crashes} crashes these users are lost: {lost:?}");
        }
    }
    assert!(crashes >= 20, "only {crashes} crashes in {TIME_MAX:?}");
    let users = acknowledged.users.lock().expect("held briefly").clone();
    assert!(users.is_subset(&listed_users(&server)));
    let requests = acknowledged.requests.lock().expect("held briefly").clone();
    assert!(!users.is_empty() && !requests.is_empty());
    // Every job that was promised runs in the end: each account that was asked for comes to be.
    let mut waiting = requests.clone();
    eventually("every account creation ends", || {
        waiting.retain(|id| {
            let input = json!({"CreateAccountRequestId": id});
            let status = server.ok(&server.admin(), "organizations", "DescribeCreateAccountStatus", input).json();
            let state = status["CreateAccountStatus"]["State"].clone();
            assert_ne!(state, "FAILED", "{status}");
            state != "SUCCEEDED"
        });
        waiting.is_empty().then_some(())
    });
    println!("{crashes} crashes, {} users, {} accounts, {:?}", users.len(), requests.len(), started.elapsed());
}
