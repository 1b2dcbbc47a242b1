use crate::support::{Controller, World, world};
use base::{DirectoryId, Secret};
use directory::Authentication;
use directory::sign_in::{Because, Checked, check};
use directory::sync::Kind;

#[test]
#[ignore = "needs a domain controller: tools/test runs it"]
fn the_three_spellings_of_a_name_sign_in_as_one_account() {
    let world = world();
    let id = world.connected();
    let password = world.controller.user_password();
    let mut ids = Vec::new();
    for name in ["alice", "CORP\\alice", "corp\\ALICE", "alice@corp.example.com", "ALICE@CORP.EXAMPLE.COM"] {
        let Authentication::Verified(who) = world.sign_in(&id, name, password.expose()) else {
            panic!("{name}: {:?}", world.sign_in(&id, name, password.expose()));
        };
        assert_eq!(who.user_name, "alice@corp.example.com");
        ids.push(who.object_id);
    }
    ids.dedup();
    assert_eq!(ids.len(), 1);
    for name in ["carol.clark@example.org", "carol@corp.example.com", "juergen", "zoe"] {
        let outcome = world.sign_in(&id, name, password.expose());
        assert!(matches!(outcome, Authentication::Verified(_)), "{name}: {outcome:?}");
    }
}

#[test]
#[ignore = "needs a domain controller: tools/test runs it"]
fn each_state_of_an_account_has_its_own_outcome() {
    let world = world();
    let id = world.connected();
    let right = |name| world.sign_in(&id, name, world.controller.user_password().expose());
    assert!(matches!(right("dan"), Authentication::Disabled(_)));
    assert!(matches!(right("mona"), Authentication::MustChange(_)));
    assert!(matches!(right("ed"), Authentication::Expired(_)));
    assert!(matches!(right("pete"), Authentication::PasswordExpired(_)));
    assert!(matches!(right("hank"), Authentication::WrongHours(_)));
    assert!(
        matches!(right("larry"), Authentication::Locked(_) | Authentication::Throttled { .. }),
        "{:?}",
        right("larry")
    );
    for name in ["nobody", "OTHER\\alice", "alice@wrong.example", "*", "alice)(objectClass=*", "a*", "", "dc1$"] {
        assert_eq!(right(name), Authentication::Unknown, "{name}");
    }
}

#[test]
#[ignore = "needs a domain controller: tools/test runs it"]
fn guessing_does_not_lock_the_account() {
    let world = world();
    let id = world.connected();
    assert!(matches!(world.sign_in(&id, "nora", ""), Authentication::WrongPassword(_)));
    let mut throttled = 0;
    for _ in 0..10 {
        match world.sign_in(&id, "nora", "wrong") {
            Authentication::WrongPassword(_) => {}
            Authentication::Throttled { retry_after_seconds } => {
                assert!(retry_after_seconds > 0);
                throttled += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(throttled >= 6, "{throttled}");
    // The directory itself has not locked her: another application still lets her in.
    let other = crate::support::world();
    let id = other.connected();
    let outcome = other.sign_in(&id, "nora", other.controller.user_password().expose());
    assert!(!matches!(outcome, Authentication::Locked(_)), "{outcome:?}");
}

/// A user with a password.
fn person(ad: &Controller, unit: &str, name: &str) -> String {
    let dn = format!("CN={name},{unit}");
    ad.modify(&ad.user(unit, name));
    ad.modify(&ad.password(&dn, "Right-Passw0rd"));
    dn
}

fn policy_dn(ad: &Controller) -> String {
    format!("CN=guess-strict,CN=Password Settings Container,CN=System,{}", ad.get("AD_BASE"))
}

/// Has the account of `dn` locked after three failures; nobody but administrators may read that.
fn be_strict(ad: &Controller, dn: &str) {
    let policy = policy_dn(ad);
    ad.delete(&policy);
    ad.modify(&format!(
        "dn: {policy}\nchangetype: add\nobjectClass: msDS-PasswordSettings\nmsDS-PasswordSettingsPrecedence: 20\n\
         msDS-PasswordReversibleEncryptionEnabled: FALSE\nmsDS-PasswordHistoryLength: 0\n\
         msDS-PasswordComplexityEnabled: TRUE\nmsDS-MinimumPasswordLength: 7\nmsDS-MinimumPasswordAge: 0\n\
         msDS-MaximumPasswordAge: -9223372036854775808\nmsDS-LockoutThreshold: 3\n\
         msDS-LockoutObservationWindow: -18000000000\nmsDS-LockoutDuration: -18000000000\n\
         msDS-PSOAppliesTo: {dn}\n\n"
    ));
}

#[test]
#[ignore = "needs a domain controller: tools/test runs it"]
fn many_who_guess_at_once_under_every_spelling_do_not_lock_the_account() {
    let ad = &Controller::find();
    let unit = ad.unit("Guess");
    let strict = person(ad, &unit, "guess-strict");
    be_strict(ad, &strict);
    let plain = person(ad, &unit, "guess-plain");
    for (name, dn, threshold) in [("guess-strict", strict, 3), ("guess-plain", plain, 5)] {
        // The second process knows nothing of the first, but asks the directory.
        for _ in 0..2 {
            let world = world();
            let id = world.connected();
            let outcomes = std::thread::scope(|scope| {
                let (world, id) = (&world, &id);
                let guess = |number| scope.spawn(move || spelled(world, id, name, number));
                let guessers: Vec<_> = (0..12).map(guess).collect();
                guessers.into_iter().map(|guesser| guesser.join().expect("no panic")).collect::<Vec<_>>()
            });
            assert!(outcomes.iter().all(|outcome| !matches!(outcome, Authentication::Locked(_))), "{outcomes:?}");
            let later = (0..6).map(|number| spelled(&world, &id, name, number)).collect::<Vec<_>>();
            assert!(matches!(later[5], Authentication::Throttled { .. }), "{later:?}");
        }
        let failures: i64 = ad.attribute(&dn, "badPwdCount").and_then(|text| text.parse().ok()).unwrap_or(0);
        assert!((1..threshold).contains(&failures), "{name}: {failures}");
        assert!(ad.attribute(&dn, "lockoutTime").is_none_or(|time| time == "0"), "{name} is locked");
    }
    ad.delete(&policy_dn(ad));
    ad.delete(&unit);
}

fn spelled(world: &World, id: &DirectoryId, name: &str, number: usize) -> Authentication {
    let spelling = match number % 3 {
        0 => name.to_owned(),
        1 => format!("CORP\\{name}"),
        _ => format!("{name}@corp.example.com"),
    };
    world.sign_in(id, &spelling, &format!("wrong {number}"))
}

#[test]
#[ignore = "needs a domain controller: tools/test runs it"]
fn an_address_that_fails_often_waits_whoever_it_claims_to_be() {
    let world = world();
    let id = world.connected();
    let store = world.store(&id);
    world.choose(&store, Kind::User, "alice");
    world.run(&store);
    let password = world.controller.get("AD_USER_PW");
    let check = |name: &str, password: &str, from: &str| {
        check(&world.app.app, &store, &id, name, &Secret::new(password), from).expect("an outcome")
    };
    let let_in = |from: &str| matches!(check("alice", password, from), Checked::Verified(_));
    for number in 0..50 {
        let outcome = check(&format!("nobody-{number}"), "wrong", "2001:db8::1");
        assert!(matches!(outcome, Checked::Refused { .. }), "{number}: {outcome:?}");
    }
    assert!(!let_in("2001:db8::2"), "the same network");
    assert!(let_in("2001:db8:0:1::1"));
    world.app.clock.advance_seconds(60);
    assert!(let_in("2001:db8::1"));
}

#[test]
#[ignore = "needs a domain controller: tools/test runs it"]
fn a_password_that_was_changed_a_moment_ago_is_the_one_that_counts() {
    let world = world();
    let id = world.connected();
    let dn = format!("CN=Tina Test,OU=People,OU=Corp,{}", world.controller.get("AD_BASE"));
    for password in ["Another-Passw0rd", world.controller.get("AD_USER_PW")] {
        let now = |password: &str| world.sign_in(&id, "tina", password);
        assert!(matches!(now(password), Authentication::WrongPassword(_)), "{:?}", now(password));
        world.controller.modify(&world.controller.password(&dn, password));
        assert!(matches!(now(password), Authentication::Verified(_)), "{:?}", now(password));
    }
}

#[test]
#[ignore = "needs a domain controller: tools/test runs it"]
fn only_whoever_was_chosen_signs_in_to_the_store() {
    let world = world();
    let id = world.connected();
    let store = world.store(&id);
    world.choose(&store, Kind::Group, "all-staff");
    world.choose(&store, Kind::User, "mona");
    world.run(&store);
    let users = world.users(&store);
    let user = |name: &str| users[&format!("{name}@corp.example.com")].id.clone();
    let sign_in = |name: &str, password: &str| {
        check(&world.app.app, &store, &id, name, &Secret::new(password), "192.0.2.1").expect("an outcome")
    };
    let password = world.controller.get("AD_USER_PW");
    // A member of a group in a group in the chosen group.
    assert_eq!(sign_in("CORP\\alice", password), Checked::Verified(user("alice")));
    assert_eq!(sign_in("mona", password), Checked::ChangeInDirectory { user: user("mona"), has_expired: false });
    let refused = |user, because| Checked::Refused { user, because };
    assert_eq!(sign_in("dan", password), refused(Some(user("dan")), Because::Disabled));
    assert_eq!(sign_in("erin", password), refused(None, Because::NotChosen));
    assert_eq!(sign_in("bob", "wrong"), refused(Some(user("bob")), Because::WrongPassword));
    assert_eq!(sign_in("bob", password), Checked::Verified(user("bob")));
    // A name that nobody has is slowed down like any other.
    let outcomes: Vec<_> = (0..6).map(|_| sign_in("nobody-at-all", "wrong")).collect();
    assert_eq!(outcomes[0], refused(None, Because::UnknownUser));
    assert!(matches!(outcomes[5], Checked::Throttled { .. }), "{outcomes:?}");
}
