//! What must hold for every request, on cases from seeds.

use crate::generate::{ALLOW_ALL, ALLOW_ALL_BY_ANYBODY, Parts, Policy, Random, case};
use crate::naive;
use policy::cases::Case;
use policy::json::{self, Limits};
use policy::validate::{Finding, validate};
use policy::{Decision, Document, PolicyKind, PolicyType, explain};

const LINE_LIMITS: Limits = Limits { bytes_max: 1_000_000, depth_max: 32 };

/// Cases per test; `POLICY_CASES` asks for more (and `POLICY_FIRST_SEED` for others).
fn count(default: u64) -> u64 {
    std::env::var("POLICY_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn parse(parts: &Parts) -> Case {
    let line = parts.line();
    Case::parse(line.as_bytes()).unwrap_or_else(|error| panic!("{error}: {line}"))
}

fn decide(parts: &Parts) -> Decision {
    parse(parts).decide()
}

#[test]
fn the_compiled_engine_agrees_with_a_naive_one() {
    let mut decisions = [0_u64; 3];
    let first: u64 = std::env::var("POLICY_FIRST_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    for seed in first..first + count(20_000) {
        let parts = case(&mut Random::new(seed));
        let line = parts.line();
        let node = json::parse(line.as_bytes(), LINE_LIMITS).unwrap_or_else(|error| panic!("{error:?}: {line}"));
        let decision = decide(&parts);
        assert_eq!(decision.as_str(), naive::decide(&node), "seed {seed}: {line}");
        decisions[match decision {
            Decision::Allowed => 0,
            Decision::ExplicitlyDenied(_) => 1,
            Decision::ImplicitlyDenied(_) => 2,
        }] += 1;
    }
    assert!(decisions.iter().all(|some| *some > count(20_000) / 20), "one-sided cases: {decisions:?}");
}

#[test]
fn explaining_agrees_with_deciding() {
    for seed in 0..count(1_500) {
        let case = parse(&case(&mut Random::new(seed)));
        let explanation = case.with(explain);
        assert_eq!(explanation.decision, case.decide(), "seed {seed}");
        assert_eq!(explanation.blocked_by.is_empty(), explanation.decision.is_allowed(), "seed {seed}");
        if let Decision::ExplicitlyDenied(kind) | Decision::ImplicitlyDenied(kind) = explanation.decision {
            assert!(explanation.blocked_by.contains(&kind), "seed {seed}: {kind:?}");
        }
        if let Decision::ExplicitlyDenied(kind) = explanation.decision {
            let mut deciding = explanation.deciding_statements();
            assert!(deciding.any(|(policy, _)| policy.policy_type == kind), "seed {seed}");
        }
        assert!(json::parse(explanation.to_json().as_bytes(), LINE_LIMITS).is_ok(), "seed {seed}");
    }
}

/// Adds a policy of one type to a case.
fn add(parts: &mut Parts, kind: PolicyType, statement: &str) {
    let policy = Policy::of(statement);
    let join = |slot: &mut Option<Policy>| match slot {
        Some(existing) => existing.statements.push(statement.to_owned()),
        None => *slot = Some(Policy::of(statement)),
    };
    match kind {
        PolicyType::Identity => parts.identity.push(policy),
        PolicyType::Boundary => parts.boundary.push(policy),
        PolicyType::Session => join(&mut parts.session),
        PolicyType::ServiceControl => parts.scps.iter_mut().for_each(|level| level.push(policy.clone())),
        PolicyType::ResourceControl => parts.rcps.iter_mut().for_each(|level| level.push(policy.clone())),
        PolicyType::Resource | PolicyType::Trust | PolicyType::Endpoint => join(&mut parts.resource_policy),
    }
}

const KINDS: [PolicyType; 6] = [
    PolicyType::Identity,
    PolicyType::Boundary,
    PolicyType::Session,
    PolicyType::ServiceControl,
    PolicyType::ResourceControl,
    PolicyType::Resource,
];

#[test]
fn adding_a_deny_never_widens() {
    for seed in 0..count(2_500) {
        let mut random = Random::new(seed);
        let parts = case(&mut random);
        let before = decide(&parts);
        let kind = KINDS[random.below(KINDS.len())];
        let matching = "{\"Effect\":\"Deny\",\"Principal\":\"*\",\"Action\":\"*\",\"Resource\":\"*\"}";
        let conditional = matching.replace(
            "\"Resource\":\"*\"",
            "\"Resource\":\"*\",\"Condition\":{\"StringNotEquals\":{\"aws:username\":\"alice\"}}",
        );
        let mut after = parts.clone();
        add(&mut after, kind, random.pick(&[matching, conditional.as_str()]));
        let after = decide(&after);
        assert!(before.is_allowed() || !after.is_allowed(), "seed {seed}: {kind:?}");
        let was_explicit = matches!(before, Decision::ExplicitlyDenied(_));
        assert!(!was_explicit || matches!(after, Decision::ExplicitlyDenied(_)), "seed {seed}: {kind:?}");
    }
}

#[test]
fn adding_an_allow_to_one_kind_never_widens_past_the_others() {
    let mut blocked_count = 0;
    for seed in 0..count(2_000) {
        let parts = case(&mut Random::new(seed));
        let blocked = parse(&parts).with(explain).blocked_by;
        for kind in &KINDS[..5] {
            if blocked.iter().any(|other| other != kind) {
                let statement = if *kind == PolicyType::ResourceControl { ALLOW_ALL_BY_ANYBODY } else { ALLOW_ALL };
                let mut wider = parts.clone();
                add(&mut wider, *kind, statement);
                assert!(!decide(&wider).is_allowed(), "seed {seed}: {kind:?} against {blocked:?}");
                blocked_count += 1;
            }
        }
    }
    assert!(blocked_count > 500);
}

#[test]
fn order_never_matters() {
    for seed in 0..count(2_500) {
        let mut random = Random::new(seed);
        let mut parts = case(&mut random);
        let before = decide(&parts);
        let Parts { identity, boundary, session, resource_policy, scps, rcps, context, .. } = &mut parts;
        random.shuffle(context);
        random.shuffle(scps);
        random.shuffle(rcps);
        let lists = scps.iter_mut().chain(rcps.iter_mut()).chain([identity, boundary]);
        let mut policies: Vec<&mut Policy> = Vec::new();
        for list in lists {
            random.shuffle(list);
            policies.extend(list.iter_mut());
        }
        policies.extend(session.iter_mut().chain(resource_policy.iter_mut()));
        for policy in policies {
            random.shuffle(&mut policy.statements);
        }
        assert_eq!(decide(&parts), before, "seed {seed}");
    }
}

#[test]
fn printing_and_reading_back_is_the_identity() {
    for seed in 0..count(1_500) {
        let parts = case(&mut Random::new(seed));
        let policies = parts.identity.iter().chain(&parts.session).chain(&parts.resource_policy);
        for policy in policies {
            let document = Document::parse_stored(policy.text()).expect("valid");
            let printed = document.print();
            let again = Document::parse_stored(&printed).expect("valid");
            assert_eq!(again.clone().without_positions(), document.without_positions(), "{printed}");
            assert_eq!(again.print(), printed);
        }
    }
}

#[test]
fn what_is_accepted_when_saved_can_be_read_and_printed() {
    let kinds = [
        PolicyKind::Identity,
        PolicyKind::Trust,
        PolicyKind::Resource,
        PolicyKind::ServiceControl,
        PolicyKind::ResourceControl,
        PolicyKind::OrganizationsResourcePolicy,
    ];
    let mut accepted = 0;
    for seed in 0..count(1_500) {
        let mut random = Random::new(seed);
        let parts = case(&mut random);
        for policy in parts.identity.iter().chain(&parts.resource_policy).chain(parts.rcps.iter().flatten()) {
            let mut bytes = policy.text().into_bytes();
            for _ in 0..random.below(4) {
                let at = random.below(bytes.len());
                match random.below(3) {
                    0 => bytes[at] = *random.pick(&[&b'"', &b'{', &b'}', &b'[', &b']', &b',', &b'*', &b':', &0xFF]),
                    1 => drop(bytes.remove(at)),
                    _ => bytes.insert(at, bytes[random.below(bytes.len())]),
                }
            }
            let stored = Document::parse_stored(&bytes);
            for kind in kinds {
                if !validate(kind, &bytes).iter().any(Finding::is_error) {
                    accepted += 1;
                    assert!(stored.is_ok(), "seed {seed}: {kind:?} {}", String::from_utf8_lossy(&bytes));
                }
            }
            if let Ok(document) = stored {
                let again = Document::parse_stored(document.print()).expect("what is printed can be read");
                assert_eq!(again.without_positions(), document.without_positions(), "seed {seed}");
            }
        }
    }
    assert!(accepted > 300, "{accepted}");
}
