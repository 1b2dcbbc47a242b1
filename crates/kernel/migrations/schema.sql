CREATE TABLE audit (
    id text primary key,
    account_id text not null,
    first_at integer not null,
    last_at integer not null,
    event_source text not null,
    event_name text not null,
    is_read_only integer not null,
    user_name text,
    access_key_id text,
    resources text not null,
    record text not null,
    occurrences blob not null
) strict;

CREATE TABLE change (
    id text primary key,
    scope text not null,
    at integer not null
) strict;

CREATE TABLE fact (
    name text primary key,
    value text not null
) strict;

CREATE TABLE iam_access_key (
    id text primary key,
    account_id text not null references iam_account (id),
    -- Null: a key of the root user.
    user_id text references iam_user (id),
    sealed_secret blob not null,
    is_active integer not null,
    created_at integer not null,
    last_used_at integer,
    last_used_service text,
    last_used_region text
) strict;

CREATE TABLE iam_account (
    id text primary key,
    email text not null,
    email_key text not null unique,
    name text not null,
    alias text unique,
    state text not null check (state in ('PENDING_ACTIVATION', 'ACTIVE', 'SUSPENDED', 'PENDING_CLOSURE', 'CLOSED')),
    root_password_hash text,
    root_password_used_at integer,
    password_policy text,
    -- Version of the session tokens that the global endpoint of STS gives out: 1 or 2.
    token_version integer not null default 1,
    created_at integer not null
) strict;

CREATE TABLE iam_attachment (
    entity_id text not null,
    policy_arn text not null,
    account_id text not null references iam_account (id),
    entity_kind text not null check (entity_kind in ('user', 'group', 'role')),
    attached_at integer not null,
    primary key (entity_id, policy_arn)
) strict;

CREATE TABLE iam_credential_report (
    account_id text primary key references iam_account (id),
    content text not null,
    generated_at integer not null
) strict;

CREATE TABLE iam_deletion_task (
    id text primary key,
    account_id text not null references iam_account (id),
    role_id text not null,
    role_name text not null,
    status text not null check (status in ('NOT_STARTED', 'IN_PROGRESS', 'SUCCEEDED', 'FAILED')),
    reason text,
    usage text,
    created_at integer not null
) strict;

CREATE TABLE iam_group (
    id text primary key,
    account_id text not null references iam_account (id),
    name text not null,
    name_key text not null,
    path text not null,
    created_at integer not null
) strict;

CREATE TABLE iam_group_member (
    group_id text not null references iam_group (id),
    user_id text not null references iam_user (id),
    added_at integer not null,
    primary key (group_id, user_id)
) strict;

CREATE TABLE iam_inline_policy (
    entity_id text not null,
    name text not null,
    account_id text not null references iam_account (id),
    entity_kind text not null check (entity_kind in ('user', 'group', 'role')),
    document text not null,
    primary key (entity_id, name)
) strict;

CREATE TABLE iam_instance_profile (
    id text primary key,
    account_id text not null references iam_account (id),
    name text not null,
    name_key text not null,
    path text not null,
    role_id text references iam_role (id),
    created_at integer not null
) strict;

CREATE TABLE iam_mfa_device (
    serial text primary key,
    account_id text not null references iam_account (id),
    -- Whom it is assigned to: a user's id, or the account's id for the root user; null while unassigned.
    assigned_to text,
    sealed_seed blob not null,
    last_step integer not null,
    enabled_at integer,
    created_at integer not null
) strict;

CREATE TABLE iam_oidc_provider (
    arn text primary key,
    account_id text not null references iam_account (id),
    url text not null,
    client_ids text not null,
    thumbprints text not null,
    -- The provider's signing keys (JWKS) as last fetched, and when that fetch began; null until the first one.
    jwks text,
    jwks_fetched_at integer,
    created_at integer not null
) strict;

CREATE TABLE iam_password_history (
    user_id text not null references iam_user (id),
    changed_at integer not null,
    hash text not null,
    primary key (user_id, changed_at)
) strict;

CREATE TABLE iam_policy (
    id text primary key,
    account_id text not null references iam_account (id),
    arn text not null unique,
    name text not null,
    name_key text not null,
    path text not null,
    description text,
    default_version integer not null,
    newest_version integer not null,
    created_at integer not null,
    updated_at integer not null
) strict;

CREATE TABLE iam_policy_version (
    policy_id text not null references iam_policy (id),
    version integer not null,
    document text not null,
    created_at integer not null,
    primary key (policy_id, version)
) strict;

CREATE TABLE iam_role (
    id text primary key,
    account_id text not null references iam_account (id),
    name text not null,
    name_key text not null,
    path text not null,
    trust_policy text not null,
    description text,
    max_session_seconds integer not null,
    boundary_arn text,
    -- The service that alone may assume the role, for service-linked roles.
    linked_service text,
    last_used_at integer,
    last_used_region text,
    created_at integer not null
) strict;

CREATE TABLE iam_saml_provider (
    arn text primary key,
    account_id text not null references iam_account (id),
    name text not null,
    uuid text not null,
    metadata text not null,
    encryption_mode text,
    sealed_private_keys text not null,
    valid_until integer not null,
    created_at integer not null
) strict;

CREATE TABLE iam_tag (
    resource_id text not null,
    key_folded text not null,
    key text not null,
    value text not null,
    primary key (resource_id, key_folded)
) strict;

CREATE TABLE iam_trust_pin (
    role_id text not null references iam_role (id),
    principal_text text not null,
    principal_id text not null,
    primary key (role_id, principal_text)
) strict;

CREATE TABLE iam_user (
    id text primary key,
    account_id text not null references iam_account (id),
    name text not null,
    name_key text not null,
    path text not null,
    boundary_arn text,
    password_hash text,
    is_password_reset_required integer not null,
    password_created_at integer,
    password_changed_at integer,
    password_used_at integer,
    created_at integer not null
) strict;

CREATE TABLE job (
    id text primary key,
    kind text not null,
    key text not null,
    state text not null check (state in ('queued', 'running', 'dead')),
    attempt integer not null,
    run_at integer not null,
    lease_owner text,
    lease_until integer not null,
    rerun integer not null,
    last_error text,
    created_at integer not null
) strict;

CREATE TABLE migration (version integer primary key, name text not null) strict;

CREATE TABLE org_account (
    account_id text primary key references iam_account (id),
    org_id text not null references org_organization (id),
    parent_id text not null,
    joined_method text not null check (joined_method in ('INVITED', 'CREATED')),
    joined_at integer not null,
    -- When CloseAccount was called, for quotas and for the end of the closed account.
    closing_at integer
) strict;

CREATE TABLE org_attachment (
    target_id text not null,
    policy_id text not null,
    org_id text not null references org_organization (id),
    type text not null,
    attached_at integer not null,
    primary key (target_id, policy_id)
) strict;

CREATE TABLE org_create_account_request (
    id text primary key,
    org_id text not null,
    state text not null check (state in ('IN_PROGRESS', 'SUCCEEDED', 'FAILED')),
    account_name text not null,
    email text not null,
    role_name text not null,
    tags text not null,
    account_id text,
    govcloud_account_id text,
    failure_reason text,
    requested_at integer not null,
    completed_at integer
) strict;

CREATE TABLE org_delegated_administrator (
    org_id text not null references org_organization (id),
    account_id text not null,
    service text not null,
    enabled_at integer not null,
    primary key (org_id, account_id, service)
) strict;

CREATE TABLE org_departure (
    account_id text not null,
    service text not null,
    org_id text not null,
    left_at integer not null,
    -- Whether the service could reach the account when it left: only then may it act there once more.
    is_vouched integer not null,
    primary key (account_id, service)
) strict;

CREATE TABLE org_organization (
    id text primary key,
    management_account_id text not null unique references iam_account (id),
    feature_set text not null check (feature_set in ('ALL', 'CONSOLIDATED_BILLING')),
    root_id text not null unique,
    created_at integer not null
) strict;

CREATE TABLE org_policy (
    id text primary key,
    org_id text not null references org_organization (id),
    type text not null,
    name text not null,
    description text not null,
    content text not null,
    created_at integer not null,
    -- When the document was last changed; null: never.
    updated_at integer
) strict;

CREATE TABLE org_policy_type (
    root_id text not null,
    type text not null,
    status text not null check (status in ('PENDING_ENABLE', 'ENABLED', 'PENDING_DISABLE')),
    changed_at integer not null,
    primary key (root_id, type)
) strict;

CREATE TABLE org_resource_policy (
    org_id text primary key references org_organization (id),
    id text not null,
    content text not null
) strict;

CREATE TABLE org_tag (
    resource_id text not null,
    key text not null,
    value text not null,
    primary key (resource_id, key)
) strict;

CREATE TABLE org_trusted_service (
    org_id text not null references org_organization (id),
    service text not null,
    enabled_at integer not null,
    primary key (org_id, service)
) strict;

CREATE TABLE org_unit (
    id text primary key,
    org_id text not null references org_organization (id),
    -- The root or another organizational unit.
    parent_id text not null,
    name text not null,
    created_at integer not null
) strict;

CREATE INDEX audit_by_time on audit (account_id, last_at, id);

CREATE INDEX change_by_time on change (at);

CREATE INDEX iam_access_key_by_user on iam_access_key (account_id, user_id);

CREATE INDEX iam_attachment_by_policy on iam_attachment (account_id, policy_arn);

CREATE INDEX iam_deletion_task_by_role on iam_deletion_task (role_id);

CREATE UNIQUE INDEX iam_group_by_name on iam_group (account_id, name_key);

CREATE INDEX iam_group_member_by_user on iam_group_member (user_id);

CREATE UNIQUE INDEX iam_instance_profile_by_name on iam_instance_profile (account_id, name_key);

CREATE UNIQUE INDEX iam_policy_by_name on iam_policy (account_id, name_key);

CREATE UNIQUE INDEX iam_role_by_name on iam_role (account_id, name_key);

CREATE INDEX iam_trust_pin_by_principal on iam_trust_pin (principal_id);

CREATE UNIQUE INDEX iam_user_by_name on iam_user (account_id, name_key);

CREATE UNIQUE INDEX job_by_key on job (kind, key);

CREATE INDEX job_due on job (state, run_at);

CREATE INDEX org_account_by_org on org_account (org_id, joined_at, account_id);

CREATE INDEX org_account_by_parent on org_account (parent_id, joined_at, account_id);

CREATE INDEX org_attachment_by_policy on org_attachment (org_id, policy_id);

CREATE INDEX org_create_account_request_by_org on org_create_account_request (org_id, requested_at, id);

CREATE UNIQUE INDEX org_policy_by_name on org_policy (org_id, type, name);

CREATE UNIQUE INDEX org_unit_by_name on org_unit (parent_id, name);

CREATE INDEX org_unit_by_org on org_unit (org_id);

CREATE INDEX org_unit_by_parent on org_unit (parent_id, created_at, id);
