//! Permission sets in accounts: one organization, some accounts, some permission sets, one assignment for each pair, as
//! the server's worker makes them. In this process, on SQLite as the server opens it.

use anyhow::{Context as _, Result};
use base::{AccountId, Random, SystemClock};
use iam::account::AccountState;
use kernel::app::Parts;
use kernel::caller::Caller;
use kernel::route::Registry;
use kernel::seal::Seal;
use kernel::settings::Settings;
use kernel::store::Store;
use kernel::{App, Error, RequestInfo, job};
use model::identitystore::{self as people, ops as people_ops};
use model::organizations::{self as org_shapes, AccountJoinedMethod, ops as org_ops};
use model::sso_admin::{self as shapes, PrincipalType, StatusValues, ops};
use org::tree::Target;
use server::gate::{Gate, SharedGate};
use sso::instance::Instance;
use sso::operation::{self, Operation, OperationKind};
use sso::provision::provisioned;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const ACCOUNTS: u64 = 100;
const SETS: usize = 100;
const READ_ONLY: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";
const INLINE: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject","s3:ListBucket"],"Resource":"*"}]}"#;
/// Assignments that go through the API, at most ten at a time.
const THROUGH_THE_API: usize = 300;

/// An organization with accounts, permission sets, and somebody who is to have every one of them in every account.
pub(crate) struct Scene {
    app: Arc<App>,
    caller: Caller,
    instance: Instance,
    accounts: Vec<AccountId>,
    sets: Vec<shapes::PermissionSet>,
    user: String,
}

/// Provisions, compares, and takes away.
pub fn run(data: &Path) -> Result<()> {
    let pairs = usize::try_from(ACCOUNTS)? * SETS;
    println!("Provisioning: {ACCOUNTS} accounts x {SETS} permission sets, an AWS-managed and an inline policy each");
    std::fs::create_dir_all(data)?;
    let scene = Scene::new(Store::open_sqlite(&data.join("vestibule.db"))?)?;
    scene.ask_for_everything()?;
    let took = scene.watched(|| scene.run_jobs())?;
    let rate = |count: usize, took: Duration| count as f64 / took.as_secs_f64();
    println!("  first provisioning   {:>7.2} s  {:>8.0} roles/s", took.as_secs_f64(), rate(pairs, took));
    scene.expect_roles(pairs as i64)?;
    let took = scene.compare()?;
    println!("  nothing to repair    {:>7.2} s  {:>8.0} roles/s", took.as_secs_f64(), rate(pairs, took));
    let took = scene.through_the_api()?;
    println!(
        "  through the API      {:>7.2} s  {:>8.0} assignments/s",
        took.as_secs_f64(),
        rate(THROUGH_THE_API, took)
    );
    println!("  resident             {:>7.1} MB\n", resident_megabytes()?);
    Ok(())
}

impl Scene {
    /// Adds `accounts` accounts and `sets` permission sets to the organization of `instance`, and gives `user` all of them;
    /// returns when their roles stand.
    pub(crate) fn furnish(
        app: &Arc<App>,
        instance: &Instance,
        user: &str,
        (accounts, sets): (u64, usize),
    ) -> Result<()> {
        let org = instance.org.as_ref().context("an instance of an organization")?;
        let org = app.store.read(|tx| org::organization::get(tx, org))?.context("an organization")?;
        let caller = Caller::root_of(&org.management);
        let request = RequestInfo::of_service(app, "bench");
        let (accounts, sets) = app.write_as(&caller, &request, |cx| {
            let accounts = members(cx, &org.management, accounts)?;
            let sets = (0..sets).map(|number| permission_set(cx, instance, number)).collect::<kernel::Result<_>>()?;
            Ok((accounts, sets))
        })?;
        let (app, instance) = (Arc::clone(app), instance.clone());
        let scene = Self { app, caller, instance, accounts, sets, user: user.to_owned() };
        scene.ask_for_everything()?;
        scene.run_jobs()
    }

    fn new(store: Store) -> Result<Self> {
        let mut random = Random::from_seed(1);
        let seal = Seal::from_text(&Seal::generate(&mut random)).context("a generated key")?;
        let app = App::new(Parts {
            store,
            clock: Arc::new(SystemClock),
            random,
            seal,
            settings: Settings::default(),
            registry: Registry::new(server::routes()),
            authorizer: Box::new(SharedGate(Arc::new(Gate::default()))),
            effects: server::effects::apply,
            jobs: server::jobs(),
            extensions: server::linkage::extensions(),
        });
        let management = AccountId::parse("111122223333").context("an account id")?;
        let caller = Caller::root_of(&management);
        let request = RequestInfo::of_service(&app, "bench");
        let accounts = app.write_as(&caller, &request, |cx| {
            let now = cx.now;
            iam::account::create(&mut cx.write(), &management, "root@example.com", "m", AccountState::Active, now)?;
            cx.call::<org_ops::CreateOrganization>(&org_shapes::CreateOrganizationRequest::default())?;
            members(cx, &management, ACCOUNTS)
        })?;
        let (instance, sets, user) = app.write_as(&caller, &request, |cx| {
            let instance = sso::instance::enable(cx, None)?;
            let user = user(cx, &instance)?;
            let sets = (0..SETS).map(|number| permission_set(cx, &instance, number)).collect::<kernel::Result<_>>()?;
            Ok((instance, sets, user))
        })?;
        let scene = Self { app, caller, instance, accounts, sets, user };
        let took = scene.watched(|| scene.run_jobs())?;
        println!("  service-linked roles {:>7.2} s", took.as_secs_f64());
        Ok(scene)
    }

    fn run_jobs(&self) -> Result<()> {
        while job::run_due(&self.app, "bench")?.is_some_and(|next| next <= self.app.now()) {}
        Ok(())
    }

    /// What CreateAccountAssignment writes, for every pair at once: it takes ten at a time.
    fn ask_for_everything(&self) -> Result<()> {
        let request = RequestInfo::of_service(&self.app, "bench");
        self.app.write_as(&self.caller, &request, |cx| {
            for account in &self.accounts {
                for set in &self.sets {
                    let (id, name) = id_and_name(set)?;
                    let operation = Operation {
                        account: Some(account.clone()),
                        principal: Some((PrincipalType::User, self.user.clone())),
                        ..Operation::new(cx, OperationKind::CreateAssignment, &self.instance.id, &id)
                    };
                    operation::insert(&mut cx.write(), &operation)?;
                    sso::provision::request(cx, &self.instance, account, (&id, name))?;
                }
            }
            Ok(())
        })?;
        Ok(())
    }

    fn expect_roles(&self, count: i64) -> Result<()> {
        let (all, settled) = self.app.store.read(|tx| provisioned::counts(tx, &self.instance.id))?;
        anyhow::ensure!(all == count && settled == count, "{settled} of {all} roles stand, not {count}");
        for status in [StatusValues::Failed, StatusValues::InProgress] {
            let (instance, kind) = (&self.instance.id, OperationKind::CreateAssignment);
            let found =
                self.app.store.read(|tx| operation::list(tx, instance, kind, Some(status), (i64::MIN, ""), 1))?;
            anyhow::ensure!(found.is_empty(), "a request is {}", status.as_str());
        }
        Ok(())
    }

    fn compare(&self) -> Result<Duration> {
        let request = RequestInfo::of_service(&self.app, "bench");
        self.app.write_as(&self.caller, &request, |cx| {
            let now = cx.now;
            cx.enqueue(sso::provision::RECONCILE, self.instance.id.as_str(), now)
        })?;
        self.watched(|| self.run_jobs())
    }

    fn through_the_api(&self) -> Result<Duration> {
        let request = RequestInfo::of_service(&self.app, "bench");
        let input = people::CreateGroupRequest {
            identity_store_id: self.instance.store.to_string(),
            display_name: Some("everybody".to_owned()),
            ..Default::default()
        };
        let group =
            self.app.write_as(&self.caller, &request, |cx| cx.call::<people_ops::CreateGroup>(&input))?.group_id;
        let pairs: Vec<_> =
            self.accounts.iter().flat_map(|account| self.sets.iter().map(move |set| (account, set))).collect();
        let started = Instant::now();
        for ten in pairs[..THROUGH_THE_API].chunks(10) {
            for (account, set) in ten {
                let input = shapes::CreateAccountAssignmentRequest {
                    instance_arn: self.instance.arn(),
                    permission_set_arn: set.permission_set_arn.clone().unwrap_or_default(),
                    principal_id: group.clone(),
                    principal_type: PrincipalType::Group,
                    target_id: account.to_string(),
                    target_type: shapes::TargetType::AwsAccount,
                };
                self.app
                    .write_as(&self.caller, &request, |cx| cx.call::<ops::CreateAccountAssignment>(&input).map(drop))?;
            }
            self.run_jobs()?;
        }
        Ok(started.elapsed())
    }

    /// Does `work` and prints once a second how many roles stand.
    fn watched(&self, work: impl FnOnce() -> Result<()>) -> Result<Duration> {
        let is_over = AtomicBool::new(false);
        let started = Instant::now();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut told = Duration::ZERO;
                while !is_over.load(Ordering::Relaxed) {
                    std::thread::park_timeout(Duration::from_millis(50));
                    if started.elapsed() >= told + Duration::from_secs(1) {
                        told = started.elapsed();
                        self.tell(told);
                    }
                }
            });
            let outcome = work();
            is_over.store(true, Ordering::Relaxed);
            outcome
        })?;
        Ok(started.elapsed())
    }

    fn tell(&self, after: Duration) {
        if let Ok((all, settled)) = self.app.store.read(|tx| provisioned::counts(tx, &self.instance.id)) {
            println!("    {:>5.1} s  {settled:>6} of {all} settled", after.as_secs_f64());
        }
    }
}

fn members(cx: &mut kernel::WriteCx<'_>, management: &AccountId, count: u64) -> kernel::Result<Vec<AccountId>> {
    let org = org::organization::of_account(cx.tx, management)?.ok_or_else(|| Error::internal("no organization"))?;
    let (now, root) = (cx.now, Target::Root(org.root.clone()));
    let mut accounts = Vec::new();
    for number in 0..count {
        let id = AccountId::parse(&format!("2{number:011}")).ok_or_else(|| Error::internal("an account id"))?;
        let (name, mut tx) = (format!("account-{number}"), cx.write());
        iam::account::create(&mut tx, &id, &format!("{name}@example.com"), &name, AccountState::Active, now)?;
        let joined_at = now.plus_seconds(i64::try_from(number).unwrap_or_default());
        org::tree::add_account(&mut tx, &org, &id, &root, AccountJoinedMethod::Created, joined_at)?;
        accounts.push(id);
    }
    Ok(accounts)
}

fn user(cx: &mut kernel::WriteCx<'_>, instance: &Instance) -> kernel::Result<String> {
    let text = |text: &str| Some(text.to_owned());
    let input = people::CreateUserRequest {
        identity_store_id: instance.store.to_string(),
        user_name: text("ann"),
        display_name: text("Ann"),
        name: Some(people::Name { given_name: text("Ann"), family_name: text("Example"), ..Default::default() }),
        ..Default::default()
    };
    Ok(cx.call::<people_ops::CreateUser>(&input)?.user_id)
}

fn permission_set(
    cx: &mut kernel::WriteCx<'_>,
    instance: &Instance,
    number: usize,
) -> kernel::Result<shapes::PermissionSet> {
    let input = shapes::CreatePermissionSetRequest {
        instance_arn: instance.arn(),
        name: format!("Set-{number}"),
        ..Default::default()
    };
    let set = cx.call::<ops::CreatePermissionSet>(&input)?.permission_set.unwrap_or_default();
    let permission_set_arn = set.permission_set_arn.clone().unwrap_or_default();
    cx.call::<ops::AttachManagedPolicyToPermissionSet>(&shapes::AttachManagedPolicyToPermissionSetRequest {
        instance_arn: instance.arn(),
        permission_set_arn: permission_set_arn.clone(),
        managed_policy_arn: READ_ONLY.to_owned(),
    })?;
    cx.call::<ops::PutInlinePolicyToPermissionSet>(&shapes::PutInlinePolicyToPermissionSetRequest {
        instance_arn: instance.arn(),
        permission_set_arn,
        inline_policy: INLINE.to_owned(),
    })?;
    Ok(set)
}

fn id_and_name(set: &shapes::PermissionSet) -> kernel::Result<(base::PermissionSetId, &str)> {
    let arn = set.permission_set_arn.as_deref().unwrap_or_default();
    let (_, id) = sso::access::permission_set_id(arn).ok_or_else(|| Error::internal("the ARN of a permission set"))?;
    Ok((id, set.name.as_deref().unwrap_or_default()))
}

fn resident_megabytes() -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kibibytes: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kibibytes * 1024.0 / 1e6)
}
