-- IAM Identity Center: instances, permission sets, assignments and what they came to in accounts.

create table sso_instance (
    id text primary key,
    kind text not null check (kind in ('ORGANIZATION', 'ACCOUNT')),
    owner_account_id text not null references iam_account (id),
    -- The organization of an organization instance.
    org_id text,
    store_id text not null unique references ids_store (id),
    -- The name that an administrator chose for the start URL, once.
    alias text unique,
    name text,
    region text not null,
    status text not null check (status in ('CREATE_IN_PROGRESS', 'ACTIVE', 'DELETE_IN_PROGRESS')),
    -- Sixteen hexadecimal digits: names the SAML providers of the instance in all accounts.
    provider_suffix text not null,
    -- Certificate (DER in base64) and sealed private key (PKCS #8) that sign the instance's assertions.
    certificate text not null,
    private_key {bytes} not null,
    -- Life of a portal session, in seconds.
    session_seconds {int} not null,
    -- Whether member accounts may have instances of their own.
    allows_account_instances {int} not null,
    -- What the owner chose beyond columns, as JSON.
    settings text not null,
    created_at {int} not null
){strict};
create unique index sso_instance_by_org on sso_instance (org_id);
create index sso_instance_by_owner on sso_instance (owner_account_id);

create table sso_region (
    instance_id text not null references sso_instance (id),
    name text not null,
    status text not null check (status in ('ACTIVE', 'ADDING', 'REMOVING')),
    is_primary {int} not null,
    added_at {int} not null,
    primary key (instance_id, name)
){strict};

create table sso_permission_set (
    id text primary key,
    instance_id text not null references sso_instance (id),
    name text not null,
    description text,
    -- As given: ISO 8601.
    session_duration text not null,
    relay_state text,
    inline_policy text,
    -- At most one of the two: an AWS-managed policy, or a customer-managed one by name and path.
    boundary_arn text,
    boundary_name text,
    boundary_path text,
    -- Counts changes: what was provisioned with a smaller number is out of date.
    version {int} not null,
    created_at {int} not null
){strict};
create unique index sso_permission_set_by_name on sso_permission_set (instance_id, name);
create index sso_permission_set_by_instance on sso_permission_set (instance_id, created_at, id);

create table sso_permission_set_managed_policy (
    permission_set_id text not null references sso_permission_set (id),
    arn text not null,
    name text not null,
    attached_at {int} not null,
    primary key (permission_set_id, arn)
){strict};

create table sso_permission_set_customer_policy (
    permission_set_id text not null references sso_permission_set (id),
    path text not null,
    name text not null,
    attached_at {int} not null,
    primary key (permission_set_id, path, name)
){strict};

-- Who may use which permission set in which account. `principal_type`: USER or GROUP.
create table sso_assignment (
    instance_id text not null references sso_instance (id),
    account_id text not null,
    permission_set_id text not null references sso_permission_set (id),
    principal_type text not null check (principal_type in ('USER', 'GROUP')),
    principal_id text not null,
    created_at {int} not null,
    primary key (account_id, permission_set_id, principal_type, principal_id)
){strict};
create index sso_assignment_by_principal on sso_assignment (principal_id, account_id, permission_set_id);
create index sso_assignment_by_permission_set on sso_assignment (permission_set_id, account_id);
create index sso_assignment_by_instance on sso_assignment (instance_id);

-- A permission set as it stands in an account. Rows stay while the role stands, also without assignments.
create table sso_provisioned (
    instance_id text not null references sso_instance (id),
    account_id text not null,
    permission_set_id text not null references sso_permission_set (id),
    role_name text not null,
    -- The permission set's version that the role shows; 0: not made yet.
    version {int} not null,
    provisioned_at {int} not null,
    -- From when on the role waits to be compared with what it should be; null: nobody asked.
    due_at {int},
    -- Comparisons in a row that a fault of ours ended.
    attempts {int} not null default 0,
    -- Why the role could not be made what it should be, the last time; null: it could.
    failure_reason text,
    primary key (account_id, permission_set_id)
){strict};
create index sso_provisioned_due on sso_provisioned (due_at, account_id, permission_set_id);
create index sso_provisioned_by_permission_set on sso_provisioned (permission_set_id, account_id);
create index sso_provisioned_by_instance on sso_provisioned (instance_id);

-- Requests that finish later. `kind`: what was asked for.
create table sso_operation (
    id text primary key,
    instance_id text not null references sso_instance (id),
    kind text not null check (kind in ('CREATE_ASSIGNMENT', 'DELETE_ASSIGNMENT', 'PROVISION')),
    status text not null check (status in ('IN_PROGRESS', 'SUCCEEDED', 'FAILED')),
    -- The account; null: every account in which the permission set is provisioned.
    account_id text,
    permission_set_id text not null,
    principal_type text,
    principal_id text,
    failure_reason text,
    created_at {int} not null
){strict};
create index sso_operation_by_kind on sso_operation (instance_id, kind, created_at, id);
create index sso_operation_waiting on sso_operation (status, permission_set_id, account_id);

-- Attributes for access control: session tags and where their values come from.
create table sso_attribute (
    instance_id text not null references sso_instance (id),
    key text not null,
    source text not null,
    position {int} not null,
    primary key (instance_id, key)
){strict};

-- An instance with a row here has attributes for access control, be it an empty list.
create table sso_attribute_configuration (
    instance_id text primary key references sso_instance (id),
    created_at {int} not null
){strict};

-- Tags of instances, permission sets, applications and trusted token issuers.
create table sso_tag (
    resource_arn text not null,
    key text not null,
    value text not null,
    primary key (resource_arn, key)
){strict};
