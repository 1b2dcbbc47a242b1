-- Accounts as IAM knows them, their principals, policies, credentials and identity providers.

create table iam_account (
    id text primary key,
    email text not null,
    email_key text not null unique,
    name text not null,
    alias text unique,
    state text not null check (state in ('PENDING_ACTIVATION', 'ACTIVE', 'SUSPENDED', 'PENDING_CLOSURE', 'CLOSED')),
    root_password_hash text,
    root_password_used_at {int},
    password_policy text,
    -- Version of the session tokens that the global endpoint of STS gives out: 1 or 2.
    token_version {int} not null default 1,
    created_at {int} not null
){strict};

create table iam_user (
    id text primary key,
    account_id text not null references iam_account (id),
    name text not null,
    name_key text not null,
    path text not null,
    boundary_arn text,
    password_hash text,
    is_password_reset_required {int} not null,
    password_created_at {int},
    password_changed_at {int},
    password_used_at {int},
    created_at {int} not null
){strict};
create unique index iam_user_by_name on iam_user (account_id, name_key);

-- Hashes of passwords that users had, for the password policy's rule against their reuse.
create table iam_password_history (
    user_id text not null references iam_user (id),
    changed_at {int} not null,
    hash text not null,
    primary key (user_id, changed_at)
){strict};

create table iam_credential_report (
    account_id text primary key references iam_account (id),
    content text not null,
    generated_at {int} not null
){strict};

create table iam_group (
    id text primary key,
    account_id text not null references iam_account (id),
    name text not null,
    name_key text not null,
    path text not null,
    created_at {int} not null
){strict};
create unique index iam_group_by_name on iam_group (account_id, name_key);

create table iam_group_member (
    group_id text not null references iam_group (id),
    user_id text not null references iam_user (id),
    added_at {int} not null,
    primary key (group_id, user_id)
){strict};
create index iam_group_member_by_user on iam_group_member (user_id);

create table iam_role (
    id text primary key,
    account_id text not null references iam_account (id),
    name text not null,
    name_key text not null,
    path text not null,
    trust_policy text not null,
    description text,
    max_session_seconds {int} not null,
    boundary_arn text,
    -- The service that alone may assume the role, for service-linked roles.
    linked_service text,
    last_used_at {int},
    last_used_region text,
    created_at {int} not null
){strict};
create unique index iam_role_by_name on iam_role (account_id, name_key);

-- Users and roles that trust policies name, by the unique id that they had when the policy was saved: whoever bears the
-- name later is somebody else. No reference: a pin outlives its principal.
create table iam_trust_pin (
    role_id text not null references iam_role (id),
    principal_text text not null,
    principal_id text not null,
    primary key (role_id, principal_text)
){strict};
create index iam_trust_pin_by_principal on iam_trust_pin (principal_id);

-- Customer managed policies; what AWS manages is data, not rows.
create table iam_policy (
    id text primary key,
    account_id text not null references iam_account (id),
    arn text not null unique,
    name text not null,
    name_key text not null,
    path text not null,
    description text,
    default_version {int} not null,
    newest_version {int} not null,
    created_at {int} not null,
    updated_at {int} not null
){strict};
create unique index iam_policy_by_name on iam_policy (account_id, name_key);

create table iam_policy_version (
    policy_id text not null references iam_policy (id),
    version {int} not null,
    document text not null,
    created_at {int} not null,
    primary key (policy_id, version)
){strict};

-- Managed policies attached to users, groups and roles.
create table iam_attachment (
    entity_id text not null,
    policy_arn text not null,
    account_id text not null references iam_account (id),
    entity_kind text not null check (entity_kind in ('user', 'group', 'role')),
    attached_at {int} not null,
    primary key (entity_id, policy_arn)
){strict};
create index iam_attachment_by_policy on iam_attachment (account_id, policy_arn);

create table iam_inline_policy (
    entity_id text not null,
    name text not null,
    account_id text not null references iam_account (id),
    entity_kind text not null check (entity_kind in ('user', 'group', 'role')),
    document text not null,
    primary key (entity_id, name)
){strict};

-- Tags of users, roles, policies, instance profiles, providers and MFA devices, by the id or ARN of the resource.
create table iam_tag (
    resource_id text not null,
    key_folded text not null,
    key text not null,
    value text not null,
    primary key (resource_id, key_folded)
){strict};

create table iam_access_key (
    id text primary key,
    account_id text not null references iam_account (id),
    -- Null: a key of the root user.
    user_id text references iam_user (id),
    sealed_secret {bytes} not null,
    is_active {int} not null,
    created_at {int} not null,
    last_used_at {int},
    last_used_service text,
    last_used_region text
){strict};
create index iam_access_key_by_user on iam_access_key (account_id, user_id);

create table iam_instance_profile (
    id text primary key,
    account_id text not null references iam_account (id),
    name text not null,
    name_key text not null,
    path text not null,
    role_id text references iam_role (id),
    created_at {int} not null
){strict};
create unique index iam_instance_profile_by_name on iam_instance_profile (account_id, name_key);

create table iam_saml_provider (
    arn text primary key,
    account_id text not null references iam_account (id),
    name text not null,
    uuid text not null,
    metadata text not null,
    encryption_mode text,
    sealed_private_keys text not null,
    valid_until {int} not null,
    created_at {int} not null
){strict};

create table iam_oidc_provider (
    arn text primary key,
    account_id text not null references iam_account (id),
    url text not null,
    client_ids text not null,
    thumbprints text not null,
    -- The provider's signing keys (JWKS) as last fetched, and when that fetch began; null until the first one.
    jwks text,
    jwks_fetched_at {int},
    created_at {int} not null
){strict};

create table iam_mfa_device (
    serial text primary key,
    account_id text not null references iam_account (id),
    -- Whom it is assigned to: a user's id, or the account's id for the root user; null while unassigned.
    assigned_to text,
    sealed_seed {bytes} not null,
    last_step {int} not null,
    enabled_at {int},
    created_at {int} not null
){strict};

-- Deletions of service-linked roles, for GetServiceLinkedRoleDeletionStatus.
create table iam_deletion_task (
    id text primary key,
    account_id text not null references iam_account (id),
    role_id text not null,
    role_name text not null,
    status text not null check (status in ('NOT_STARTED', 'IN_PROGRESS', 'SUCCEEDED', 'FAILED')),
    reason text,
    usage text,
    created_at {int} not null
){strict};
create index iam_deletion_task_by_role on iam_deletion_task (role_id);
