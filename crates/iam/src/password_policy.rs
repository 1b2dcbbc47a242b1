//! The rules for passwords of an account's users.

use crate::access::anywhere;
use base::{AccountId, Timestamp};
use kernel::{Cx, Error, Result, Route, Tx, WriteCx, params, route};
use model::iam::{
    GetAccountPasswordPolicyResponse, NoSuchEntityException, PasswordPolicyViolationException,
    UpdateAccountPasswordPolicyRequest, ops,
};
use serde_json::{Value, json};
use smithy::schema::Unit;

/// Fewest characters when the account has no policy.
const DEFAULT_LENGTH_MIN: usize = 8;
/// Fewest kinds of characters when the account has no policy.
const DEFAULT_CLASSES_MIN: usize = 3;
/// `MinimumPasswordLength` of a policy that does not say.
const POLICY_LENGTH_MIN: i32 = 6;
/// Characters that IAM counts as symbols.
const SYMBOLS: &str = "!@#$%^&*()_+-=[]{}|'";
const SECONDS_PER_DAY: i64 = 86_400;

/// A password policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordPolicy {
    /// Fewest characters.
    pub minimum_length: i32,
    /// Whether a symbol is needed.
    pub require_symbols: bool,
    /// Whether a digit is needed.
    pub require_numbers: bool,
    /// Whether an upper-case letter is needed.
    pub require_uppercase: bool,
    /// Whether a lower-case letter is needed.
    pub require_lowercase: bool,
    /// Whether every user may change his own password.
    pub allow_users_to_change: bool,
    /// Days after which a password must be changed.
    pub max_age_days: Option<i32>,
    /// How many former passwords may not be used again.
    pub reuse_prevention: Option<i32>,
    /// Whether an expired password can only be changed by an administrator.
    pub hard_expiry: bool,
}

impl PasswordPolicy {
    fn of(input: &UpdateAccountPasswordPolicyRequest) -> Self {
        Self {
            minimum_length: input.minimum_password_length.unwrap_or(POLICY_LENGTH_MIN),
            require_symbols: input.require_symbols.unwrap_or_default(),
            require_numbers: input.require_numbers.unwrap_or_default(),
            require_uppercase: input.require_uppercase_characters.unwrap_or_default(),
            require_lowercase: input.require_lowercase_characters.unwrap_or_default(),
            allow_users_to_change: input.allow_users_to_change_password.unwrap_or_default(),
            max_age_days: input.max_password_age,
            reuse_prevention: input.password_reuse_prevention,
            hard_expiry: input.hard_expiry.unwrap_or_default(),
        }
    }

    /// When a password that was set at `changed_at` expires; none: never.
    pub fn expires_at(&self, changed_at: Timestamp) -> Option<Timestamp> {
        self.max_age_days.map(|days| changed_at.plus_seconds(i64::from(days) * SECONDS_PER_DAY))
    }

    fn to_json(&self) -> String {
        json!({
            "MinimumPasswordLength": self.minimum_length,
            "RequireSymbols": self.require_symbols,
            "RequireNumbers": self.require_numbers,
            "RequireUppercaseCharacters": self.require_uppercase,
            "RequireLowercaseCharacters": self.require_lowercase,
            "AllowUsersToChangePassword": self.allow_users_to_change,
            "MaxPasswordAge": self.max_age_days,
            "PasswordReusePrevention": self.reuse_prevention,
            "HardExpiry": self.hard_expiry,
        })
        .to_string()
    }

    fn from_json(text: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok()?;
        let flag = |name: &str| value.get(name).and_then(Value::as_bool);
        let number = |name: &str| value.get(name).and_then(Value::as_i64).and_then(|n| i32::try_from(n).ok());
        Some(Self {
            minimum_length: number("MinimumPasswordLength")?,
            require_symbols: flag("RequireSymbols")?,
            require_numbers: flag("RequireNumbers")?,
            require_uppercase: flag("RequireUppercaseCharacters")?,
            require_lowercase: flag("RequireLowercaseCharacters")?,
            allow_users_to_change: flag("AllowUsersToChangePassword")?,
            max_age_days: number("MaxPasswordAge"),
            reuse_prevention: number("PasswordReusePrevention"),
            hard_expiry: flag("HardExpiry")?,
        })
    }

    fn shown(&self) -> model::iam::PasswordPolicy {
        model::iam::PasswordPolicy {
            allow_users_to_change_password: Some(self.allow_users_to_change),
            expire_passwords: Some(self.max_age_days.is_some()),
            hard_expiry: Some(self.hard_expiry),
            max_password_age: self.max_age_days,
            minimum_password_length: Some(self.minimum_length),
            password_reuse_prevention: self.reuse_prevention,
            require_lowercase_characters: Some(self.require_lowercase),
            require_numbers: Some(self.require_numbers),
            require_symbols: Some(self.require_symbols),
            require_uppercase_characters: Some(self.require_uppercase),
        }
    }
}

/// The account's policy, if it has one.
///
/// # Errors
/// When the database fails.
pub fn find(tx: &mut Tx, account: &AccountId) -> Result<Option<PasswordPolicy>> {
    let sql = "select password_policy from iam_account where id = $1";
    let text: Option<String> = tx.opt(sql, params![account], |row| row.get(0))?.flatten();
    text.map(|text| {
        PasswordPolicy::from_json(&text).ok_or_else(|| Error::internal(format!("password policy of {account}")))
    })
    .transpose()
}

/// Refuses a password that the account's policy, or the default one, does not allow.
///
/// # Errors
/// `PasswordPolicyViolation`.
pub fn check(tx: &mut Tx, account: &AccountId, password: &str) -> Result<()> {
    let lack = match find(tx, account)? {
        Some(policy) => lack_by(&policy, password),
        None => {
            let sql = "select name, email from iam_account where id = $1";
            let own: Option<(String, String)> = tx.opt(sql, params![account], |row| Ok((row.get(0)?, row.get(1)?)))?;
            lack_by_default(own.as_ref(), password)
        }
    };
    match lack {
        None => Ok(()),
        Some(text) => Err(PasswordPolicyViolationException::new(text).into()),
    }
}

fn has(password: &str, class: impl Fn(char) -> bool) -> bool {
    password.chars().any(class)
}

fn is_symbol(c: char) -> bool {
    SYMBOLS.contains(c)
}

fn lack_by(policy: &PasswordPolicy, password: &str) -> Option<String> {
    let length_min = usize::try_from(policy.minimum_length).unwrap_or_default();
    if password.chars().count() < length_min {
        return Some(format!("Password should have a minimum length of {length_min}"));
    }
    let needs = [
        (policy.require_uppercase, has(password, |c| c.is_ascii_uppercase()), "uppercase letter"),
        (policy.require_lowercase, has(password, |c| c.is_ascii_lowercase()), "lowercase letter"),
        (policy.require_numbers, has(password, |c| c.is_ascii_digit()), "number"),
        (policy.require_symbols, has(password, is_symbol), "symbol"),
    ];
    let missing = needs.iter().find(|(required, present, _)| *required && !present)?;
    Some(format!("Password should have at least one {}", missing.2))
}

fn lack_by_default(own: Option<&(String, String)>, password: &str) -> Option<String> {
    if password.chars().count() < DEFAULT_LENGTH_MIN {
        return Some(format!("Password should have a minimum length of {DEFAULT_LENGTH_MIN}"));
    }
    let classes = [
        has(password, |c| c.is_ascii_uppercase()),
        has(password, |c| c.is_ascii_lowercase()),
        has(password, |c| c.is_ascii_digit()),
        has(password, |c| !c.is_ascii_alphanumeric()),
    ];
    if classes.iter().filter(|present| **present).count() < DEFAULT_CLASSES_MIN {
        let text = "Password should have at least three of: uppercase letter, lowercase letter, number, symbol";
        return Some(text.to_owned());
    }
    let is_own = own.is_some_and(|(name, email)| password == name || password == email);
    is_own.then(|| "Password should not be identical to the account name or email address".to_owned())
}

fn no_policy(account: &AccountId) -> NoSuchEntityException {
    NoSuchEntityException::new(format!("The Password Policy with domain name {account} cannot be found."))
}

fn read(cx: &mut Cx<'_>, _input: &Unit) -> Result<GetAccountPasswordPolicyResponse> {
    let account = cx.account()?;
    let policy = find(cx.tx, &account)?.ok_or_else(|| no_policy(&account))?;
    Ok(GetAccountPasswordPolicyResponse { password_policy: policy.shown() })
}

fn update(cx: &mut WriteCx<'_>, input: &UpdateAccountPasswordPolicyRequest) -> Result<Unit> {
    let account = cx.account()?;
    let policy = PasswordPolicy::of(input).to_json();
    cx.touch(kernel::scope::Scope::account(&account));
    cx.write().exec_one("update iam_account set password_policy = $2 where id = $1", params![account, policy])?;
    Ok(Unit)
}

fn delete(cx: &mut WriteCx<'_>, _input: &Unit) -> Result<Unit> {
    let account = cx.account()?;
    if find(cx.tx, &account)?.is_none() {
        return Err(NoSuchEntityException::new("The account policy with name PasswordPolicy cannot be found.").into());
    }
    cx.touch(kernel::scope::Scope::account(&account));
    cx.write().exec_one("update iam_account set password_policy = null where id = $1", params![account])?;
    Ok(Unit)
}

pub(crate) fn routes() -> Vec<Route> {
    vec![
        route::read::<ops::GetAccountPasswordPolicy>(anywhere::<ops::GetAccountPasswordPolicy>, read),
        route::write::<ops::UpdateAccountPasswordPolicy>(anywhere::<ops::UpdateAccountPasswordPolicy>, update),
        route::write::<ops::DeleteAccountPasswordPolicy>(anywhere::<ops::DeleteAccountPasswordPolicy>, delete),
    ]
}
