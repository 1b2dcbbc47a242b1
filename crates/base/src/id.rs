//! Identifiers. A type each, so that no account id is ever taken for a root id.

use crate::random::{ALPHABET_BASE32, ALPHABET_LOWER, Random};
use std::fmt;

/// Declares an identifier: a newtype over text with its pattern.
macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// Accepts `text` when it has the id's form.
            pub fn parse(text: &str) -> Option<Self> {
                let valid: fn(&str) -> bool = $valid;
                valid(text).then(|| Self(text.to_owned()))
            }

            /// The id as it is written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

fn lower_after(text: &str, prefix: &str, lengths: std::ops::RangeInclusive<usize>) -> bool {
    text.strip_prefix(prefix).is_some_and(|rest| {
        lengths.contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    })
}

fn unique_id(text: &str, prefix: &str) -> bool {
    text.len() >= 16
        && text.len() <= 128
        && text.starts_with(prefix)
        && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

id_type!(
    /// An AWS account: twelve digits.
    AccountId, |t| t.len() == 12 && t.bytes().all(|b| b.is_ascii_digit())
);
id_type!(
    /// An organization: `o-` and 10 to 32 characters.
    OrgId, |t| lower_after(t, "o-", 10..=32)
);
id_type!(
    /// The root of an organization's tree: `r-` and 4 to 32 characters.
    RootId, |t| lower_after(t, "r-", 4..=32)
);
id_type!(
    /// An organizational unit: `ou-<root>-<8 to 32>`.
    OuId, |t| t.strip_prefix("ou-").and_then(|r| r.split_once('-')).is_some_and(|(root, own)| {
        lower_after(root, "", 4..=32) && lower_after(own, "", 8..=32)
    })
);
id_type!(
    /// A policy of an organization: `p-` and 8 to 128 characters.
    OrgPolicyId, |t| t.strip_prefix("p-").is_some_and(|r| {
        (8..=128).contains(&r.len()) && r.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    })
);
id_type!(
    /// A request to create an account: `car-` and 8 to 32 characters.
    CreateAccountRequestId, |t| lower_after(t, "car-", 8..=32)
);
id_type!(
    /// A handshake: `h-` and 8 to 32 characters.
    HandshakeId, |t| lower_after(t, "h-", 8..=32)
);
id_type!(
    /// An IAM user (`AIDA…`).
    UserId, |t| unique_id(t, "AIDA")
);
id_type!(
    /// An IAM role (`AROA…`).
    RoleId, |t| unique_id(t, "AROA")
);
id_type!(
    /// An IAM group (`AGPA…`).
    GroupId, |t| unique_id(t, "AGPA")
);
id_type!(
    /// A managed policy (`ANPA…`).
    ManagedPolicyId, |t| unique_id(t, "ANPA")
);
id_type!(
    /// An instance profile (`AIPA…`).
    InstanceProfileId, |t| unique_id(t, "AIPA")
);
id_type!(
    /// An access key: `AKIA…` for the long term, `ASIA…` for a session.
    AccessKeyId, |t| (16..=128).contains(&t.len()) && t.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
);

id_type!(
    /// An identity store: `d-` and ten hexadecimal digits.
    IdentityStoreId, |t| t.strip_prefix("d-").is_some_and(|r| hexadecimal(r, 10))
);
id_type!(
    /// A user of an identity store: a UUID.
    IdentityUserId, is_uuid
);
id_type!(
    /// A group of an identity store: a UUID.
    IdentityGroupId, is_uuid
);
id_type!(
    /// An instance of IAM Identity Center: `ssoins-` and sixteen hexadecimal digits.
    InstanceId, |t| t.strip_prefix("ssoins-").is_some_and(|r| hexadecimal(r, 16))
);
id_type!(
    /// A permission set: `ps-` and sixteen hexadecimal digits.
    PermissionSetId, |t| t.strip_prefix("ps-").is_some_and(|r| hexadecimal(r, 16))
);
id_type!(
    /// An application of IAM Identity Center: `apl-` and sixteen hexadecimal digits.
    ApplicationId, |t| t.strip_prefix("apl-").is_some_and(|r| hexadecimal(r, 16))
);
id_type!(
    /// A directory of Directory Service: `d-` and ten hexadecimal digits.
    DirectoryId, |t| t.strip_prefix("d-").is_some_and(|r| hexadecimal(r, 10))
);

fn hexadecimal(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

fn is_uuid(text: &str) -> bool {
    let mut parts = text.split('-');
    [8, 4, 4, 4, 12].into_iter().all(|length| parts.next().is_some_and(|part| hexadecimal(part, length)))
        && parts.next().is_none()
}

/// Declares how new ids of a prefix and hexadecimal digits, or of a UUID, are drawn.
macro_rules! random_id {
    ($name:ident, $prefix:literal, $digits:literal) => {
        impl $name {
            /// A new id.
            pub fn random(random: &mut Random) -> Self {
                Self(format!(concat!($prefix, "{}"), random.text(b"0123456789abcdef", $digits)))
            }
        }
    };
    ($name:ident) => {
        impl $name {
            /// A new id.
            pub fn random(random: &mut Random) -> Self {
                Self(random.uuid())
            }
        }
    };
}

random_id!(IdentityStoreId, "d-", 10);
random_id!(DirectoryId, "d-", 10);
random_id!(InstanceId, "ssoins-", 16);
random_id!(PermissionSetId, "ps-", 16);
random_id!(ApplicationId, "apl-", 16);
random_id!(IdentityUserId);
random_id!(IdentityGroupId);

impl AccountId {
    /// Twelve random digits, the first not zero.
    pub fn random(random: &mut Random) -> Self {
        let first = 1 + random.below(9);
        Self(format!("{first}{}", random.text(b"0123456789", 11)))
    }

    /// The number itself.
    pub fn number(&self) -> u64 {
        self.0.bytes().fold(0, |n, digit| n * 10 + u64::from(digit - b'0'))
    }
}

impl OrgId {
    /// A new organization id.
    pub fn random(random: &mut Random) -> Self {
        Self(format!("o-{}", random.text(ALPHABET_LOWER, 10)))
    }
}

impl RootId {
    /// A new root id.
    pub fn random(random: &mut Random) -> Self {
        Self(format!("r-{}", random.text(ALPHABET_LOWER, 4)))
    }
}

impl OuId {
    /// A new organizational unit under `root`.
    pub fn random(root: &RootId, random: &mut Random) -> Self {
        Self(format!("ou-{}-{}", &root.0[2..], random.text(ALPHABET_LOWER, 8)))
    }
}

impl OrgPolicyId {
    /// A new customer policy id.
    pub fn random(random: &mut Random) -> Self {
        Self(format!("p-{}", random.text(ALPHABET_LOWER, 8)))
    }
}

impl CreateAccountRequestId {
    /// A new request id.
    pub fn random(random: &mut Random) -> Self {
        Self(format!("car-{}", random.text(b"0123456789abcdef", 32)))
    }
}

impl HandshakeId {
    /// A new handshake id.
    pub fn random(random: &mut Random) -> Self {
        Self(format!("h-{}", random.text(b"0123456789abcdef", 32)))
    }
}

/// Offset that AWS adds to half the account number inside a unique id (spec/iam-sts.md §3).
const ACCOUNT_OFFSET: u64 = 549_755_813_888;

/// The part of a unique id that names its account: eight base32 characters of five bytes and one more for the
/// parity of the account number (spec/iam-sts.md §3).
fn account_part(account: &AccountId, random: &mut Random) -> String {
    let number = account.number();
    let half = number / 2 + ACCOUNT_OFFSET;
    let mut text: String = (0..8).rev().map(|i| char::from(ALPHABET_BASE32[(half >> (5 * i)) as usize & 31])).collect();
    let parity = if number.is_multiple_of(2) { &ALPHABET_BASE32[..16] } else { &ALPHABET_BASE32[16..] };
    text.push_str(&random.text(parity, 1));
    text
}

fn entity_id(prefix: &str, account: &AccountId, length: usize, random: &mut Random) -> String {
    let mut text = format!("{prefix}{}", account_part(account, random));
    let rest = length - text.len();
    text.push_str(&random.text(ALPHABET_BASE32, rest));
    text
}

macro_rules! entity_ids {
    ($($name:ident $prefix:literal),*) => {$(
        impl $name {
            /// A new id of an entity in `account`.
            pub fn random(account: &AccountId, random: &mut Random) -> Self {
                Self(entity_id($prefix, account, 21, random))
            }
        }
    )*};
}
entity_ids!(UserId "AIDA", RoleId "AROA", GroupId "AGPA", ManagedPolicyId "ANPA", InstanceProfileId "AIPA");

impl AccessKeyId {
    /// A new long-term key of `account`.
    pub fn long_term(account: &AccountId, random: &mut Random) -> Self {
        Self(entity_id("AKIA", account, 20, random))
    }

    /// A new session key of `account`.
    pub fn session(account: &AccountId, random: &mut Random) -> Self {
        Self(entity_id("ASIA", account, 20, random))
    }

    /// Whether it is a session's key.
    pub fn is_session(&self) -> bool {
        self.0.starts_with("ASIA")
    }

    /// The account that the key's text names; `None` when it was not made by the scheme of spec/iam-sts.md §3.
    pub fn account(&self) -> Option<AccountId> {
        let embedded = self.0.get(4..13)?.as_bytes();
        let digit = |byte: &u8| ALPHABET_BASE32.iter().position(|letter| letter == byte);
        let half = embedded[..8].iter().try_fold(0u64, |n, byte| Some((n << 5) | digit(byte)? as u64))?;
        let number = half.checked_sub(ACCOUNT_OFFSET)? * 2 + u64::from(digit(&embedded[8])? >= 16);
        AccountId::parse(&format!("{number:012}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_access_key_names_its_account() {
        let mut random = Random::from_seed(1);
        for account in ["000000000000", "000000000001", "123456789012", "999999999999"] {
            let account = AccountId::parse(account).expect("valid");
            let key = AccessKeyId::long_term(&account, &mut random);
            assert_eq!(key.as_str().len(), 20);
            assert_eq!(key.account(), Some(account));
        }
        assert_eq!(AccessKeyId::parse("AKIAIOSFODNN7EXAMPLE").and_then(|key| key.account()), None);
        assert_eq!(AccessKeyId::parse("test-key-of-an-operator"), None);
    }

    #[test]
    fn generated_ids_have_their_own_form() {
        let random = &mut Random::from_seed(2);
        let account = AccountId::random(random);
        let root = RootId::random(random);
        assert!(AccountId::parse(account.as_str()).is_some());
        assert!(OrgId::parse(OrgId::random(random).as_str()).is_some());
        assert!(OuId::parse(OuId::random(&root, random).as_str()).is_some());
        assert!(OrgPolicyId::parse(OrgPolicyId::random(random).as_str()).is_some());
        assert!(OrgPolicyId::parse("p-FullAWSAccess").is_some());
        assert!(CreateAccountRequestId::parse(CreateAccountRequestId::random(random).as_str()).is_some());
        assert_eq!(UserId::random(&account, random).as_str().len(), 21);
    }

    #[test]
    fn ids_of_another_kind_are_refused() {
        assert!(OuId::parse("r-abcd").is_none());
        assert!(AccountId::parse("12345678901").is_none());
        assert!(RootId::parse("ou-abcd-12345678").is_none());
    }
}
