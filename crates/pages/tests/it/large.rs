//! The accounts of somebody who has many.

use pages::portal::{Account, Role};

const SETS: [&str; 4] = ["AdministratorAccess", "ReadOnlyAccess", "PowerUserAccess", "DatabaseAdministrator"];

/// A number that looks random and is the same every time.
fn scattered(at: u64) -> u64 {
    let mut x = at.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(0x1234_5678_9abc_def1);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

fn account(at: u64) -> Account {
    let role = |which: u64| Role {
        name: SETS[(scattered(at * 2 + which) % 4) as usize].to_owned(),
        description: None,
        is_ready: true,
    };
    let unit = ["Production", "Sandbox", "Staging"][(scattered(at) % 3) as usize];
    Account {
        id: format!("{:012}", scattered(at) % 1_000_000_000_000),
        name: format!("workload-{at:03}-{}", unit.to_lowercase()),
        email: format!("aws+workload-{at:03}@example.com"),
        path: vec!["Root".to_owned(), "Workloads".to_owned(), unit.to_owned()],
        roles: vec![role(0), role(1)],
    }
}

/// 500 accounts with 1,000 roles.
pub fn accounts() -> Vec<Account> {
    (0..500).map(account).collect()
}
