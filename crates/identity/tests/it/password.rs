use crate::support::{World, failure};
use base::{IdentityUserId, Random, Secret};
use identity::password::{self, Checked, Problem, RefusedBecause};
use identity::user::Status;
use kernel::params;
use kernel::store::Store;
use kernel::testing::{Setup, TestApp};
use model::identitystore::{DeleteUserRequest, ops};

const RIGHT: &str = "Correct-Horse-1";
const WRONG: &str = "Wrong-Horse-1";
const ADDRESS: &str = "192.0.2.1";

fn check_from(world: &World, address: &str, name: &str, password: &str) -> Checked {
    password::check(&world.app.app, &world.store_id(), name, &Secret::new(password), address).expect("checked")
}

fn check(world: &World, name: &str, password: &str) -> Checked {
    check_from(world, ADDRESS, name, password)
}

fn give(world: &World, user: &IdentityUserId, password: &str, is_one_time: bool) -> Result<(), Problem> {
    world.write(|cx| password::give(cx, &world.store_id(), user, &Secret::new(password), is_one_time))
}

fn change(world: &World, user: &IdentityUserId, password: &str) -> Result<(), Problem> {
    password::change(&world.app.app, &world.store_id(), user, &Secret::new(password)).expect("the database answers")
}

/// A user who signs in with [`RIGHT`].
fn alice(world: &World) -> IdentityUserId {
    let user = world.user_id("alice");
    give(world, &user, RIGHT, false).expect("a good password");
    user
}

fn refused(reason: RefusedBecause) -> Checked {
    Checked::Refused { reason }
}

fn fail(world: &World, name: &str, times: usize) {
    for _ in 0..times {
        assert!(matches!(check(world, name, WRONG), Checked::Refused { .. }));
    }
}

#[test]
fn the_right_password_lets_in_whatever_the_case_of_the_name() {
    let world = World::new();
    let user = alice(&world);
    assert_eq!(check(&world, "alice", RIGHT), Checked::Verified(user.clone()));
    assert_eq!(check(&world, "ALICE", RIGHT), Checked::Verified(user.clone()));
    assert_eq!(check(&world, "alice", WRONG), refused(RefusedBecause::WrongPassword(user)));
    assert_eq!(check(&world, "alice@example.com", RIGHT), refused(RefusedBecause::UnknownUser));
    let other = World::new();
    assert_eq!(check(&other, "alice", RIGHT), refused(RefusedBecause::UnknownUser));
}

#[test]
fn nobody_without_a_password_or_disabled_is_let_in() {
    let world = World::new();
    let bob = world.user_id("bob");
    assert_eq!(check(&world, "bob", ""), refused(RefusedBecause::NoPassword(bob.clone())));
    let has = |user: &IdentityUserId| world.app.app.store.read(|tx| password::has_password(tx, user)).expect("read");
    assert!(!has(&bob));
    let user = alice(&world);
    assert!(has(&user));
    let set = |status| world.write(|cx| identity::user::set_status(cx, &world.store_id(), &user, status));
    set(Status::Disabled);
    assert_eq!(check(&world, "alice", RIGHT), refused(RefusedBecause::Disabled(user.clone())));
    set(Status::Enabled);
    assert_eq!(check(&world, "alice", RIGHT), Checked::Verified(user.clone()));
    world.write(|cx| password::remove(&mut cx.write(), &user));
    assert_eq!(check(&world, "alice", RIGHT), refused(RefusedBecause::NoPassword(user)));
}

#[test]
fn a_one_time_password_must_be_changed_and_is_then_of_no_use() {
    let world = World::new();
    let user = world.user_id("alice");
    let once = password::generate_one_time(&mut Random::from_seed(3));
    give(&world, &user, once.expose(), true).expect("it keeps the rules");
    assert_eq!(check(&world, "alice", once.expose()), Checked::MustChange(user.clone()));
    assert_eq!(change(&world, &user, once.expose()), Err(Problem::Reused));
    change(&world, &user, RIGHT).expect("changed");
    assert_eq!(check(&world, "alice", RIGHT), Checked::Verified(user.clone()));
    assert_eq!(check(&world, "alice", once.expose()), refused(RefusedBecause::WrongPassword(user)));
}

#[test]
fn a_new_password_keeps_the_rules_and_is_none_of_the_last_three() {
    let world = World::new();
    let user = alice(&world);
    assert_eq!(change(&world, &user, "Sh0rt-1"), Err(Problem::Length));
    assert_eq!(change(&world, &user, "correct-horse-1"), Err(Problem::Classes));
    assert_eq!(change(&world, &user, "Alice-Horse-1"), Err(Problem::Guessable));
    assert_eq!(give(&world, &user, "P@ssw0rd1!", false), Err(Problem::Guessable));
    assert_eq!(change(&world, &user, RIGHT), Err(Problem::Reused));
    assert_eq!(check(&world, "alice", RIGHT), Checked::Verified(user.clone()), "what was refused changed nothing");
    for password in ["Correct-Horse-2", "Correct-Horse-3"] {
        change(&world, &user, password).expect("changed");
        assert_eq!(change(&world, &user, RIGHT), Err(Problem::Reused));
    }
    change(&world, &user, "Correct-Horse-4").expect("changed");
    change(&world, &user, RIGHT).expect("three others have come between");
    assert_eq!(check(&world, "alice", RIGHT), Checked::Verified(user));
}

#[test]
fn a_password_that_was_kept_before_the_directory_came_lets_nobody_in() {
    let world = World::new();
    let user = alice(&world);
    world.connect_directory();
    assert_eq!(check(&world, "alice", RIGHT), refused(RefusedBecause::NoPassword(user)));
}

#[test]
fn a_name_that_no_database_can_hold_is_nobody_s() {
    let world = World::new();
    alice(&world);
    assert_eq!(check(&world, "alice\0", RIGHT), refused(RefusedBecause::UnknownUser));
    assert_eq!(world.count("select count(*) from ids_throttle where failures = 1"), 2);
}

#[test]
fn passwords_of_nobody_and_of_a_directory_s_people_are_not_kept() {
    let world = World::new();
    let nobody = IdentityUserId::parse("5d5e9a70-0d4c-4a0e-9d2a-111111111111").expect("valid");
    let new = Secret::new(RIGHT);
    let unknown = password::change(&world.app.app, &world.store_id(), &nobody, &new);
    assert_eq!(failure(unknown), "ValidationError -: There is no such user.");
    let user = world.user_id("alice");
    world.connect_directory();
    let elsewhere = password::change(&world.app.app, &world.store_id(), &user, &new);
    assert_eq!(failure(elsewhere), "ValidationError -: Passwords of this identity store's users are kept elsewhere.");
}

#[test]
fn a_deleted_user_s_password_is_gone() {
    let world = World::new();
    let user = alice(&world);
    let input = DeleteUserRequest { identity_store_id: world.store.clone(), user_id: user.to_string(), revision: None };
    world.call::<ops::DeleteUser>(input).expect("deleted");
    assert_eq!(world.count("select count(*) from ids_password"), 0);
    assert_eq!(check(&world, "alice", RIGHT), refused(RefusedBecause::UnknownUser));
}

#[test]
fn ten_failures_of_a_name_are_followed_by_growing_delays_even_for_the_right_password() {
    let world = World::new();
    let user = alice(&world);
    fail(&world, "alice", 10);
    assert_eq!(check(&world, "ALICE", RIGHT), Checked::Throttled { retry_after_seconds: 60 });
    assert_eq!(check_from(&world, "198.51.100.1", "alice", RIGHT), Checked::Throttled { retry_after_seconds: 60 });
    world.app.clock.advance_seconds(59);
    assert_eq!(check(&world, "alice", RIGHT), Checked::Throttled { retry_after_seconds: 1 });
    world.app.clock.advance_seconds(1);
    for delay in [120, 240, 480, 900, 900] {
        fail(&world, "alice", 1);
        assert_eq!(check(&world, "alice", RIGHT), Checked::Throttled { retry_after_seconds: delay });
        world.app.clock.advance_seconds(delay);
    }
    assert_eq!(check(&world, "alice", RIGHT), Checked::Verified(user.clone()));
    fail(&world, "alice", 9);
    assert_eq!(check(&world, "alice", RIGHT), Checked::Verified(user), "a success begins the count anew");
}

#[test]
fn unknown_disabled_and_passwordless_users_are_throttled_like_everybody() {
    let world = World::new();
    alice(&world);
    world.user("passwordless");
    let disabled = world.user_id("disabled");
    give(&world, &disabled, RIGHT, false).expect("a good password");
    world.write(|cx| identity::user::set_status(cx, &world.store_id(), &disabled, Status::Disabled));
    for (number, name) in ["alice", "nobody", "passwordless", "disabled"].into_iter().enumerate() {
        let address = format!("198.51.100.{number}");
        for _ in 0..10 {
            assert!(matches!(check_from(&world, &address, name, WRONG), Checked::Refused { .. }));
        }
        let blocked = Checked::Throttled { retry_after_seconds: 60 };
        assert_eq!(check_from(&world, &address, name, RIGHT), blocked, "{name}");
    }
}

#[test]
fn an_address_that_tries_many_names_is_throttled_and_no_other_is() {
    let world = World::new();
    let user = alice(&world);
    for number in 0..50 {
        assert_eq!(check(&world, "alice", RIGHT), Checked::Verified(user.clone()), "{number}");
        fail(&world, &format!("nobody{number}"), 1);
    }
    assert_eq!(check(&world, "alice", RIGHT), Checked::Throttled { retry_after_seconds: 60 });
    assert_eq!(check_from(&world, "198.51.100.1", "alice", RIGHT), Checked::Verified(user.clone()));
    world.app.clock.advance_seconds(60);
    assert_eq!(check(&world, "alice", RIGHT), Checked::Verified(user));
}

#[test]
fn failures_are_forgotten_after_a_day_and_their_counters_go() {
    let world = World::new();
    let user = alice(&world);
    fail(&world, "alice", 9);
    fail(&world, "nobody", 9);
    world.app.clock.advance_seconds(24 * 60 * 60);
    fail(&world, "alice", 1);
    assert_eq!(world.count("select count(*) from ids_throttle where failures > 1"), 0);
    assert_eq!(world.count("select count(*) from ids_throttle"), 2, "the name and the address of the last failure");
    assert_eq!(check(&world, "alice", RIGHT), Checked::Verified(user));
}

#[test]
fn an_administrator_s_new_password_ends_the_delay() {
    let world = World::new();
    let user = alice(&world);
    fail(&world, "alice", 10);
    give(&world, &user, "Correct-Horse-2", true).expect("a good password");
    assert_eq!(check(&world, "alice", "Correct-Horse-2"), Checked::MustChange(user));
}

#[test]
fn guesses_made_beside_each_other_count_one_by_one() {
    let world = World::new();
    let user = alice(&world);
    let outcomes: Vec<Checked> = std::thread::scope(|scope| {
        let guess = |number: usize| {
            let (app, store) = (&world.app.app, world.store_id());
            let password = if number.is_multiple_of(2) { WRONG } else { "Wrong-Horse-2" };
            scope
                .spawn(move || password::check(app, &store, "alice", &Secret::new(password), ADDRESS).expect("checked"))
        };
        let guesses: Vec<_> = (0..30).map(guess).collect();
        guesses.into_iter().map(|guess| guess.join().expect("no panic")).collect()
    });
    let wrong = refused(RefusedBecause::WrongPassword(user));
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == wrong).count(), 10);
    let blocked = outcomes.iter().filter(|outcome| matches!(outcome, Checked::Throttled { .. }));
    assert_eq!(blocked.count(), 20);
}

#[test]
fn delays_survive_a_restart() {
    let directory = std::env::temp_dir().join(format!("vestibule-identity-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory");
    let path = directory.join("delays.db");
    let open = || Store::open_sqlite(&path).expect("a database");
    let world = World::on(Some(open()));
    alice(&world);
    fail(&world, "alice", 10);
    let store = world.store_id();
    drop(world);
    let app = TestApp::new(Setup { store: Some(open()), ..Setup::default() });
    let outcome = password::check(&app.app, &store, "alice", &Secret::new(RIGHT), "198.51.100.1").expect("checked");
    assert!(matches!(outcome, Checked::Throttled { .. }), "{outcome:?}");
    drop(app);
    std::fs::remove_dir_all(&directory).expect("removed");
}

#[test]
fn neither_passwords_nor_mistyped_names_are_stored_in_the_clear() {
    let world = World::new();
    alice(&world);
    fail(&world, RIGHT, 1);
    let read = |sql: &'static str| -> Vec<String> {
        world.app.app.store.read(|tx| tx.all(sql, params![], |row| row.get(0))).expect("read")
    };
    let stored = [read("select hash || history from ids_password"), read("select key from ids_throttle")].concat();
    assert_eq!(stored.len(), 3);
    let is_in_the_clear = |text: &String| text.to_lowercase().contains(&RIGHT.to_lowercase());
    assert!(!stored.iter().any(is_in_the_clear), "{stored:?}");
    assert!(stored[0].starts_with("$argon2id$"));
}
