//! What an operator can choose. Few knobs; the defaults are what a user of the AWS service expects.

/// Behaviour that an operator may change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Region that the installation stands for, in ARNs, start URLs and answers.
    pub region: String,
    /// URL under which clients reach the server.
    pub base_url: String,
    /// Organizations.
    pub organizations: OrganizationsSettings,
    /// Service-linked roles.
    pub service_linked_roles: ServiceLinkedRoleSettings,
}

/// Behaviour of Organizations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganizationsSettings {
    /// Accounts that an organization may have.
    pub accounts_max: i64,
    /// Days that must pass before a created account may be removed (AWS: 4).
    pub account_age_days_min: i64,
    /// Seconds that closing an account takes.
    pub account_closing_seconds: i64,
    /// Days after which a closed account disappears.
    pub closed_account_days: i64,
    /// Whether a new organization has service control policies enabled in its root.
    pub is_scp_enabled_at_start: bool,
}

/// When service-linked roles appear in members, and what may be done to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceLinkedRoleSettings {
    /// When a member account gets the role of a trusted service.
    pub member_creation: MemberCreation,
    /// Whether the role's structure stays locked even where the documents open it.
    pub is_structure_always_locked: bool,
    /// Whether even the description is locked while trusted access is on.
    pub is_description_locked: bool,
}

/// When a member account gets the service-linked role of a trusted service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberCreation {
    /// As soon as trusted access is on and the account is a member.
    Eager,
    /// With the first thing that the service provisions in the account.
    OnProvision,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            region: "us-east-1".to_owned(),
            base_url: "http://127.0.0.1:4600".to_owned(),
            organizations: OrganizationsSettings {
                accounts_max: 5_000,
                account_age_days_min: 0,
                account_closing_seconds: 60,
                closed_account_days: 90,
                is_scp_enabled_at_start: false,
            },
            service_linked_roles: ServiceLinkedRoleSettings {
                member_creation: MemberCreation::Eager,
                is_structure_always_locked: false,
                is_description_locked: false,
            },
        }
    }
}
