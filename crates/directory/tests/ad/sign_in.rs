use crate::support::world;
use base::Secret;
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
        check(&world.app.app, &store, &id, name, &Secret::new(password)).expect("an outcome")
    };
    let password = world.controller.get("AD_USER_PW");
    // A member of a group in a group in the chosen group.
    assert_eq!(sign_in("CORP\\alice", password), Checked::Verified(user("alice")));
    assert_eq!(sign_in("mona", password), Checked::ChangeInDirectory(user("mona")));
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
