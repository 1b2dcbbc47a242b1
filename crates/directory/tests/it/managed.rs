use crate::support::{World, world_with};
use base::DirectoryId;
use directory::managed::{Domains, Plan, State, TrustOrder, backup};
use kernel::testing::code;
use kernel::{App, params};
use model::ds::{
    CreateMicrosoftADRequest, CreateSnapshotRequest, DataAccessStatus, DeleteDirectoryRequest, DeleteSnapshotRequest,
    DescribeDirectoryDataAccessRequest, DescribeDomainControllersRequest, DescribeSnapshotsRequest,
    DirectoryDescription, DirectoryEdition, DirectoryStage, DirectoryType, DirectoryVpcSettings,
    DisableDirectoryDataAccessRequest, DomainControllerStatus, EnableDirectoryDataAccessRequest,
    GetDirectoryLimitsRequest, GetSnapshotLimitsRequest, ResetUserPasswordRequest, RestoreFromSnapshotRequest,
    Snapshot, SnapshotStatus, ops,
};
use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

/// Domains that are what a test says, and that tell what was asked of them.
#[derive(Clone)]
pub struct Double(Arc<Mutex<Told>>);

pub struct Told {
    obstacle: Option<String>,
    state: State,
    plans: Vec<Plan>,
    asked: Vec<String>,
    fails: bool,
    has_place: bool,
    pub home: &'static str,
    pub orders: Vec<TrustOrder>,
    /// Why nothing can be done about trusts.
    pub refusal: Option<String>,
    /// Orders about trusts take as long as somebody holds it.
    pub slow: Arc<Mutex<()>>,
}

impl Double {
    fn new() -> Self {
        let state = State::Starting;
        let (plans, asked) = (Vec::new(), Vec::new());
        Self(Arc::new(Mutex::new(Told {
            obstacle: None,
            state,
            plans,
            asked,
            fails: false,
            has_place: true,
            home: "here",
            orders: Vec::new(),
            refusal: None,
            slow: Arc::default(),
        })))
    }

    pub fn with<T>(&self, work: impl FnOnce(&mut Told) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn set(&self, state: State) {
        self.with(|told| told.state = state);
    }

    fn asked(&self) -> Vec<String> {
        self.with(|told| std::mem::take(&mut told.asked))
    }

    fn note(&self, what: String) -> io::Result<()> {
        self.with(|told| {
            told.asked.push(what);
            if told.fails { Err(io::Error::other("the disk is full")) } else { Ok(()) }
        })
    }
}

impl Domains for Double {
    fn obstacle(&self) -> Option<String> {
        self.with(|told| told.obstacle.clone())
    }

    fn home(&self) -> Result<String, String> {
        Ok(self.with(|told| told.home.to_owned()))
    }

    fn free_address(&self, taken: &[String]) -> Result<Ipv4Addr, String> {
        Ok(Ipv4Addr::new(127, 90, 0, taken.len() as u8 + 1))
    }

    fn run(&self, _app: &Arc<App>, plan: Plan) -> State {
        self.with(|told| {
            told.plans.push(plan);
            told.state.clone()
        })
    }

    fn remove(&self, _id: &DirectoryId) -> io::Result<()> {
        self.note("remove".to_owned())
    }

    fn take_snapshot(&self, _id: &DirectoryId, _snapshot: &str) -> io::Result<()> {
        self.note("take".to_owned())
    }

    fn copy_for_backup(&self, id: &DirectoryId, backup: &str) -> io::Result<bool> {
        self.note(format!("copy {id} for {backup}"))?;
        Ok(self.with(|told| told.has_place))
    }

    fn restore(&self, _id: &DirectoryId, snapshot: &str) -> io::Result<()> {
        self.note(format!("restore {snapshot}"))
    }

    fn remove_snapshot(&self, _id: &DirectoryId, snapshot: &str) -> io::Result<()> {
        self.note(format!("remove {snapshot}"))
    }

    fn trust(&self, order: &TrustOrder) -> Result<(), String> {
        self.with(|told| {
            told.orders.push(order.clone());
            told.refusal.clone().map_or(Ok(()), Err)
        })?;
        // One that takes long ends when the test takes its hand away.
        let slow = self.with(|told| Arc::clone(&told.slow));
        drop(slow.lock());
        Ok(())
    }

    fn stop(&self) {}
}

fn input() -> CreateMicrosoftADRequest {
    CreateMicrosoftADRequest {
        name: "Corp.Example.com".to_owned(),
        short_name: Some("Corp".to_owned()),
        password: "Secret-Passw0rd".to_owned(),
        vpc_settings: DirectoryVpcSettings {
            subnet_ids: vec!["subnet-11111111".to_owned(), "subnet-22222222".to_owned()],
            vpc_id: "vpc-11111111".to_owned(),
        },
        ..CreateMicrosoftADRequest::default()
    }
}

pub struct Managed {
    pub world: World,
    pub domains: Double,
}

pub fn managed() -> Managed {
    let domains = Double::new();
    let extension: Box<dyn Domains> = Box::new(domains.clone());
    Managed { world: world_with(|extensions| extensions.with(extension)), domains }
}

impl Managed {
    fn create(&self) -> DirectoryId {
        let made = self.world.call::<ops::CreateMicrosoftAD>(input()).expect("accepted");
        DirectoryId::parse(&made.directory_id.expect("an id")).expect("valid")
    }

    pub fn run_jobs_later(&self, seconds: i64) {
        self.world.app.clock.advance_seconds(seconds);
        self.world.app.run_jobs();
    }

    fn stage(&self, id: &DirectoryId) -> (DirectoryStage, String) {
        let described = self.world.described(id);
        (described.stage.expect("a stage"), described.stage_reason.unwrap_or_default())
    }

    /// A directory that has been Active, as it is when its domain answers.
    pub fn active(&self) -> DirectoryId {
        let id = self.create();
        self.domains.set(State::Running { authority: AUTHORITY.to_owned() });
        self.world.app.run_jobs();
        self.move_to(&id, DirectoryStage::Active);
        id
    }

    pub fn move_to(&self, id: &DirectoryId, stage: DirectoryStage) {
        let app = &self.world.app;
        let moved = app.app.write_as(&self.world.root, &app.request(), |cx| {
            let now = cx.now;
            directory::record::set_stage(&mut cx.write(), id, stage, None, now)
        });
        moved.expect("written");
    }

    fn snapshots(&self, id: &DirectoryId) -> Vec<Snapshot> {
        let input = DescribeSnapshotsRequest { directory_id: Some(id.to_string()), ..Default::default() };
        self.world.call::<ops::DescribeSnapshots>(input).expect("described").snapshots.expect("a list")
    }

    fn snapshot(&self, id: &DirectoryId) -> kernel::Result<String> {
        let input = CreateSnapshotRequest { directory_id: id.to_string(), name: Some("before".to_owned()) };
        Ok(self.world.call::<ops::CreateSnapshot>(input)?.snapshot_id.expect("an id"))
    }
}

const AUTHORITY: &str = "an authority";

#[test]
fn where_no_domain_can_be_run_the_request_says_what_to_do() {
    let world = world_with(|extensions| extensions);
    assert_eq!(code(world.call::<ops::CreateMicrosoftAD>(input())), "UnsupportedOperationException");
    let managed = managed();
    managed.domains.with(|told| told.obstacle = Some("Install it.".to_owned()));
    let error = managed.world.call::<ops::CreateMicrosoftAD>(input()).expect_err("refused");
    assert_eq!((error.code(), error.message()), ("UnsupportedOperationException", "Install it."));
}

#[test]
fn a_domain_is_planned_with_an_address_and_the_first_passwords() {
    let managed = managed();
    let id = managed.create();
    let DirectoryDescription { stage, r#type, edition, vpc_settings, short_name, dns_ip_addrs, .. } =
        managed.world.described(&id);
    assert_eq!((stage, r#type), (Some(DirectoryStage::Requested), Some(DirectoryType::MicrosoftAD)));
    assert_eq!((edition, short_name.as_deref()), (Some(DirectoryEdition::Enterprise), Some("CORP")));
    assert_eq!(vpc_settings.and_then(|settings| settings.vpc_id).as_deref(), Some("vpc-11111111"));
    assert_eq!(dns_ip_addrs, None);
    managed.world.app.run_jobs();
    assert_eq!(managed.stage(&id).0, DirectoryStage::Creating);
    let plan = managed.domains.with(|told| told.plans.pop()).expect("a plan");
    assert_eq!((plan.name.as_str(), plan.short_name.as_str()), ("corp.example.com", "CORP"));
    assert_eq!(plan.address, Ipv4Addr::new(127, 90, 0, 1));
    let passwords = plan.first_passwords.expect("passwords");
    assert_eq!(passwords.administrator.expose(), "Secret-Passw0rd");
    assert!(passwords.service.expose().len() > 40);

    let other = managed.create();
    managed.world.app.run_jobs();
    let controllers = |id: &DirectoryId| {
        let input = DescribeDomainControllersRequest { directory_id: id.to_string(), ..Default::default() };
        let found = managed.world.call::<ops::DescribeDomainControllers>(input).expect("described");
        found.domain_controllers.expect("a list")
    };
    let found = controllers(&other);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].dns_ip_addr.as_deref(), Some("127.90.0.2"));
    assert_eq!(found[0].status, Some(DomainControllerStatus::Creating));
    let limits = managed.world.call::<ops::GetDirectoryLimits>(GetDirectoryLimitsRequest {}).expect("limits");
    let limits = limits.directory_limits.expect("limits");
    assert_eq!(limits.cloud_only_microsoft_ad_current_count, Some(2));
    assert_eq!(limits.connected_directories_current_count, Some(0));
}

#[test]
fn what_no_domain_can_be_is_refused() {
    let managed = managed();
    let refused = |change: fn(&mut CreateMicrosoftADRequest)| {
        let mut input = input();
        change(&mut input);
        code(managed.world.call::<ops::CreateMicrosoftAD>(input))
    };
    assert_eq!(refused(|input| input.name = "corp-only".to_owned()), "InvalidParameterException");
    assert_eq!(refused(|input| input.short_name = Some("A%u".to_owned())), "InvalidParameterException");
    assert_eq!(refused(|input| input.password = "Adm1n-Admin-1".to_owned()), "InvalidParameterException");
    assert_eq!(refused(|input| input.vpc_settings.subnet_ids.truncate(1)), "InvalidParameterException");
    let hybrid: fn(&mut CreateMicrosoftADRequest) = |input| input.edition = Some(DirectoryEdition::Hybrid);
    assert_eq!(refused(hybrid), "UnsupportedOperationException");
}

#[test]
fn a_domain_that_cannot_be_made_has_failed_and_is_tried_again_when_asked_for() {
    let managed = managed();
    let id = managed.create();
    managed.domains.set(State::Failed { reason: "The domain cannot be made: no space.".to_owned() });
    managed.world.app.run_jobs();
    assert_eq!(managed.stage(&id), (DirectoryStage::Failed, "The domain cannot be made: no space.".to_owned()));
    let app = &managed.world.app;
    app.app.write_as(&managed.world.root, &app.request(), |cx| directory::reconnect(cx, &id)).expect("asked");
    managed.domains.set(State::Starting);
    managed.world.app.run_jobs();
    assert_eq!(managed.stage(&id).0, DirectoryStage::Creating);
}

#[test]
fn a_domain_that_runs_but_never_answers_has_failed() {
    let managed = managed();
    let id = managed.create();
    managed.domains.set(State::Running { authority: AUTHORITY.to_owned() });
    managed.world.app.run_jobs();
    assert_eq!(managed.stage(&id).0, DirectoryStage::Creating);
    // It was made: its administrator's password is not kept any more.
    let found = app_directory(&managed, &id);
    assert!(found.first_password(&managed.world.app.app).expect("read").is_none());
    assert_eq!(found.authority.as_deref(), Some(AUTHORITY));
    assert_eq!(managed.world.described(&id).dns_ip_addrs, Some(vec!["127.90.0.1".to_owned()]));
    managed.run_jobs_later(121);
    let (stage, reason) = managed.stage(&id);
    assert_eq!(stage, DirectoryStage::Inoperable);
    assert!(reason.contains("dc1.corp.example.com"), "{reason}");
}

fn app_directory(managed: &Managed, id: &DirectoryId) -> directory::record::Directory {
    managed.world.app.app.store.read(|tx| directory::record::get(tx, id)).expect("read").expect("there")
}

#[test]
fn a_domain_that_ended_is_impaired_and_at_last_inoperable() {
    let managed = managed();
    let id = managed.active();
    let down = |failures| State::Down { reason: "The domain controller ended (signal 9).".to_owned(), failures };
    managed.domains.set(down(0));
    directory::managed::changed(&managed.world.app.app, &id).expect("noted");
    managed.world.app.run_jobs();
    assert_eq!(managed.stage(&id), (DirectoryStage::Impaired, "The domain controller ended (signal 9).".to_owned()));
    managed.domains.set(down(5));
    managed.run_jobs_later(2);
    assert_eq!(managed.stage(&id).0, DirectoryStage::Inoperable);
}

#[test]
fn a_program_that_starts_lets_its_domains_run_again() {
    let managed = managed();
    let id = managed.active();
    managed.domains.with(|told| told.plans.clear());
    managed.domains.set(State::Starting);
    directory::managed::resume(&managed.world.app.app).expect("resumed");
    assert_eq!(managed.stage(&id).0, DirectoryStage::Impaired);
    managed.world.app.run_jobs();
    assert_eq!(managed.stage(&id).0, DirectoryStage::Impaired);
    let plan = managed.domains.with(|told| told.plans.pop()).expect("a plan");
    assert!(plan.first_passwords.is_none(), "it is there already");
}

#[test]
fn a_deleted_directory_is_gone_when_its_domain_is() {
    let managed = managed();
    let id = managed.active();
    let input = || DeleteDirectoryRequest { directory_id: id.to_string() };
    managed.world.call::<ops::DeleteDirectory>(input()).expect("deleted");
    assert_eq!(managed.stage(&id).0, DirectoryStage::Deleting);
    managed.domains.with(|told| told.fails = true);
    managed.world.app.run_jobs();
    assert_eq!(managed.stage(&id).0, DirectoryStage::Deleting);
    managed.domains.with(|told| told.fails = false);
    managed.run_jobs_later(10);
    assert_eq!(code(managed.world.call::<ops::DeleteDirectory>(input())), "EntityDoesNotExistException");
    assert!(managed.domains.asked().contains(&"remove".to_owned()));
}

#[test]
fn snapshots_are_taken_restored_and_removed() {
    let managed = managed();
    let id = managed.active();
    let first = managed.snapshot(&id).expect("begun");
    assert_eq!(managed.snapshots(&id)[0].status, Some(SnapshotStatus::Creating));
    managed.world.app.run_jobs();
    assert_eq!(managed.snapshots(&id)[0].status, Some(SnapshotStatus::Completed));
    assert_eq!(managed.snapshots(&id)[0].name.as_deref(), Some("before"));

    managed.move_to(&id, DirectoryStage::Active);
    let restore = |id: &str| RestoreFromSnapshotRequest { snapshot_id: id.to_owned() };
    assert_eq!(
        code(managed.world.call::<ops::RestoreFromSnapshot>(restore("s-0000000000"))),
        "EntityDoesNotExistException"
    );
    managed.world.call::<ops::RestoreFromSnapshot>(restore(&first)).expect("begun");
    assert_eq!(managed.stage(&id).0, DirectoryStage::Restoring);
    managed.domains.asked();
    managed.world.app.run_jobs();
    assert_eq!(managed.domains.asked(), [format!("restore {first}")]);
    assert_eq!(managed.stage(&id).0, DirectoryStage::Impaired);
    managed.domains.with(|told| told.fails = true);
    managed.world.call::<ops::RestoreFromSnapshot>(restore(&first)).expect("begun");
    managed.world.app.run_jobs();
    let (stage, reason) = managed.stage(&id);
    assert_eq!(stage, DirectoryStage::RestoreFailed);
    assert!(reason.contains("the disk is full"), "{reason}");

    managed.move_to(&id, DirectoryStage::Active);
    let failed = managed.snapshot(&id).expect("begun");
    managed.world.app.run_jobs();
    let status = managed.snapshots(&id).into_iter().find(|each| each.snapshot_id.as_ref() == Some(&failed));
    assert_eq!(status.and_then(|each| each.status), Some(SnapshotStatus::Failed));
    managed.domains.with(|told| told.fails = false);
    managed.domains.asked();
    managed.world.call::<ops::DeleteSnapshot>(DeleteSnapshotRequest { snapshot_id: failed.clone() }).expect("deleted");
    managed.world.app.run_jobs();
    assert_eq!(managed.domains.asked(), [format!("remove {failed}")]);
    assert_eq!(managed.snapshots(&id).len(), 1);
}

#[test]
fn a_domain_is_copied_for_a_backup_by_the_server_that_has_its_place() {
    let managed = managed();
    let id = managed.active();
    let snapshot = managed.snapshot(&id).expect("begun");
    let app = &managed.world.app.app;
    let known = || app.store.read(backup::known).expect("read");
    assert!(known()[0].is_made && known()[0].snapshots.is_empty(), "it is not complete");
    managed.world.app.run_jobs();
    assert_eq!(known(), [backup::Known { directory: id.clone(), is_made: true, snapshots: vec![snapshot] }]);

    let order = backup::Order { directory: id.clone(), backup: "abc".to_owned(), until: app.now().plus_seconds(60) };
    let ask = || app.store.write(|tx| backup::ask(tx, "job", &order, app.now()), |_| {}).expect("asked");
    let asked = || app.store.read(|tx| backup::asked(tx, &order)).expect("read");
    managed.domains.asked();
    managed.domains.with(|told| told.has_place = false);
    ask();
    managed.run_jobs_later(1);
    assert_eq!(asked().map(|job| (job.state, job.last_error)), Some(("queued".to_owned(), None)), "for another server");
    managed.domains.with(|told| told.has_place = true);
    managed.run_jobs_later(1);
    assert_eq!(asked(), None);
    let copied = format!("copy {id} for abc");
    assert_eq!(managed.domains.asked().iter().filter(|asked| **asked == copied).count(), 2);

    managed.domains.with(|told| told.fails = true);
    ask();
    managed.run_jobs_later(1);
    assert!(asked().and_then(|job| job.last_error).is_some_and(|error| error.contains("the disk is full")));
    app.store.write(|tx| backup::withdraw(tx, &order), |_| {}).expect("withdrawn");
    assert_eq!(asked(), None);

    // Nobody waits any more.
    managed.domains.with(|told| (told.fails, told.has_place) = (false, false));
    ask();
    managed.run_jobs_later(60);
    assert_eq!(asked(), None);
}

#[test]
fn after_a_restore_everything_is_read_anew_from_domains_that_are_run_here() {
    let managed = managed();
    let id = managed.active();
    let customers = managed.world.connect();
    let store = &managed.world.app.app.store;
    for (number, directory) in [("d-0000000001", &id), ("d-0000000002", &customers)] {
        let sql = "insert into dir_sync (store_id, directory_id, interval_seconds, mapping, server, usn, full_at, ran_at) \
                   values ($1, $2, 3600, '{}', 'dc1', 5000, 1, 1)";
        store.write(|tx| tx.exec_one(sql, params![number, directory]), |_| {}).expect("written");
    }
    backup::restored(&managed.world.app.app).expect("noted");
    let sql = "select server from dir_sync order by store_id";
    let servers = store.read(|tx| tx.all(sql, params![], |row| row.get::<Option<String>>(0))).expect("read");
    assert_eq!(servers, [None, Some("dc1".to_owned())]);
}

#[test]
fn a_domain_whose_files_another_server_has_is_left_alone() {
    let managed = managed();
    let app = &managed.world.app.app;
    let id = managed.active();
    let snapshot = managed.snapshot(&id).expect("begun");
    managed.domains.with(|told| {
        told.home = "elsewhere";
        told.plans.clear();
    });
    managed.domains.set(State::Failed { reason: "The data of the domain are gone.".to_owned() });
    directory::managed::changed(app, &id).expect("noted");
    managed.run_jobs_later(2);
    assert_eq!(managed.stage(&id), (DirectoryStage::Active, String::new()));
    assert_eq!(managed.snapshots(&id)[0].status, Some(SnapshotStatus::Creating), "it waits for the server that has it");
    managed.world.call::<ops::DeleteSnapshot>(DeleteSnapshotRequest { snapshot_id: snapshot }).expect("deleted");
    let input = DeleteDirectoryRequest { directory_id: id.to_string() };
    managed.world.call::<ops::DeleteDirectory>(input).expect("deleted");
    managed.run_jobs_later(2);
    assert_eq!(managed.stage(&id).0, DirectoryStage::Deleting);
    assert!(managed.domains.with(|told| told.plans.is_empty()) && managed.domains.asked().is_empty());

    managed.domains.with(|told| told.home = "here");
    managed.run_jobs_later(2);
    assert!(managed.domains.asked().contains(&"remove".to_owned()));
}

#[test]
fn a_server_that_is_alone_has_every_domain() {
    let managed = managed();
    let id = managed.active();
    managed.domains.with(|told| told.home = "moved");
    managed.domains.set(State::Starting);
    let app = &managed.world.app.app;
    directory::managed::resume(app).expect("resumed");
    if app.store.is_shared() {
        // It may be another server's.
        assert_eq!(managed.stage(&id).0, DirectoryStage::Active);
        return;
    }
    assert_eq!(managed.stage(&id).0, DirectoryStage::Impaired);
    managed.domains.with(|told| told.plans.clear());
    managed.run_jobs_later(2);
    assert!(managed.domains.with(|told| told.plans.pop()).is_some_and(|plan| plan.id == id));
}

#[test]
fn a_domain_that_is_not_made_yet_needs_no_files() {
    let managed = managed();
    let id = managed.create();
    let known = managed.world.app.app.store.read(backup::known).expect("read");
    assert_eq!(known, [backup::Known { directory: id, is_made: false, snapshots: Vec::new() }]);
}

#[test]
fn a_directory_has_five_snapshots() {
    let managed = managed();
    let id = managed.active();
    for _ in 0..5 {
        managed.snapshot(&id).expect("begun");
    }
    assert_eq!(code(managed.snapshot(&id)), "SnapshotLimitExceededException");
    let input = GetSnapshotLimitsRequest { directory_id: id.to_string() };
    let limits = managed.world.call::<ops::GetSnapshotLimits>(input).expect("limits").snapshot_limits.expect("limits");
    assert_eq!(limits.manual_snapshots_limit_reached, Some(true));
    let page = |next_token| {
        let input = DescribeSnapshotsRequest { limit: Some(3), next_token, ..Default::default() };
        let page = managed.world.call::<ops::DescribeSnapshots>(input).expect("a page");
        (page.snapshots.expect("a list").len(), page.next_token)
    };
    let (first, token) = page(None);
    assert_eq!((first, page(token)), (3, (2, None)));
}

#[test]
fn access_to_data_is_switched_once_each_way() {
    let managed = managed();
    let id = managed.active();
    let on = || {
        let input = EnableDirectoryDataAccessRequest { directory_id: id.to_string() };
        managed.world.call::<ops::EnableDirectoryDataAccess>(input)
    };
    let status = || {
        let input = DescribeDirectoryDataAccessRequest { directory_id: id.to_string() };
        let described = managed.world.call::<ops::DescribeDirectoryDataAccess>(input).expect("described");
        described.data_access_status
    };
    assert_eq!(status(), Some(DataAccessStatus::Disabled));
    on().expect("enabled");
    assert_eq!(code(on()), "DirectoryInDesiredStateException");
    assert_eq!(status(), Some(DataAccessStatus::Enabled));
    let input = DisableDirectoryDataAccessRequest { directory_id: id.to_string() };
    managed.world.call::<ops::DisableDirectoryDataAccess>(input).expect("disabled");
    managed.move_to(&id, DirectoryStage::Inoperable);
    assert_eq!(code(on()), "DirectoryUnavailableException");
}

#[test]
fn what_is_for_domains_that_are_run_here_is_refused_for_connected_ones() {
    let managed = managed();
    let id = managed.world.connect().to_string();
    let controllers = DescribeDomainControllersRequest { directory_id: id.clone(), ..Default::default() };
    assert_eq!(
        code(managed.world.call::<ops::DescribeDomainControllers>(controllers)),
        "UnsupportedOperationException"
    );
    let snapshot = CreateSnapshotRequest { directory_id: id.clone(), name: None };
    assert_eq!(code(managed.world.call::<ops::CreateSnapshot>(snapshot)), "UnsupportedOperationException");
    let reset = |directory_id: &str| {
        let input = ResetUserPasswordRequest {
            directory_id: directory_id.to_owned(),
            user_name: "Admin".to_owned(),
            new_password: "New-Passw0rd".to_owned(),
        };
        code(managed.world.call::<ops::ResetUserPassword>(input))
    };
    assert_eq!(reset(&id), "UnsupportedOperationException");
    assert_eq!(reset("d-0000000000"), "EntityDoesNotExistException");
    let active = managed.active();
    // Nobody answers there.
    assert_eq!(reset(active.as_str()), "DirectoryUnavailableException");
}
