-- Organizations: the tree, its accounts, its policies, trusted services and delegated administrators.

create table org_organization (
    id text primary key,
    management_account_id text not null unique references iam_account (id),
    feature_set text not null check (feature_set in ('ALL', 'CONSOLIDATED_BILLING')),
    root_id text not null unique,
    created_at {int} not null
){strict};

create table org_unit (
    id text primary key,
    org_id text not null references org_organization (id),
    -- The root or another organizational unit.
    parent_id text not null,
    name text not null,
    created_at {int} not null
){strict};
create unique index org_unit_by_name on org_unit (parent_id, name);
create index org_unit_by_parent on org_unit (parent_id, created_at, id);
create index org_unit_by_org on org_unit (org_id);

create table org_account (
    account_id text primary key references iam_account (id),
    org_id text not null references org_organization (id),
    parent_id text not null,
    joined_method text not null check (joined_method in ('INVITED', 'CREATED')),
    joined_at {int} not null,
    -- When CloseAccount was called, for quotas and for the end of the closed account.
    closing_at {int}
){strict};
create index org_account_by_org on org_account (org_id, joined_at, account_id);
create index org_account_by_parent on org_account (parent_id, joined_at, account_id);

create table org_create_account_request (
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
    requested_at {int} not null,
    completed_at {int}
){strict};
create index org_create_account_request_by_org on org_create_account_request (org_id, requested_at, id);

create table org_policy (
    id text primary key,
    org_id text not null references org_organization (id),
    type text not null,
    name text not null,
    description text not null,
    content text not null,
    created_at {int} not null,
    -- When the document was last changed; null: never.
    updated_at {int}
){strict};
create unique index org_policy_by_name on org_policy (org_id, type, name);

create table org_policy_type (
    root_id text not null,
    type text not null,
    status text not null check (status in ('PENDING_ENABLE', 'ENABLED', 'PENDING_DISABLE')),
    changed_at {int} not null,
    primary key (root_id, type)
){strict};

-- `attached_at` orders policies of one level: management policies of a level merge in that order.
create table org_attachment (
    target_id text not null,
    policy_id text not null,
    org_id text not null references org_organization (id),
    type text not null,
    attached_at {int} not null,
    primary key (target_id, policy_id)
){strict};
create index org_attachment_by_policy on org_attachment (org_id, policy_id);

create table org_trusted_service (
    org_id text not null references org_organization (id),
    service text not null,
    enabled_at {int} not null,
    primary key (org_id, service)
){strict};

create table org_delegated_administrator (
    org_id text not null references org_organization (id),
    account_id text not null,
    service text not null,
    enabled_at {int} not null,
    primary key (org_id, account_id, service)
){strict};

create table org_resource_policy (
    org_id text primary key references org_organization (id),
    id text not null,
    content text not null
){strict};

create table org_tag (
    resource_id text not null,
    key text not null,
    value text not null,
    primary key (resource_id, key)
){strict};

-- Accounts that left and that a service still has to clean up.
create table org_departure (
    account_id text not null,
    service text not null,
    org_id text not null,
    left_at {int} not null,
    -- Whether the service could reach the account when it left: only then may it act there once more.
    is_vouched {int} not null,
    primary key (account_id, service)
){strict};
