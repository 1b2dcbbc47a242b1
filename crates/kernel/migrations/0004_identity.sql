-- Identity stores: the people and groups that sign in through IAM Identity Center.

create table ids_store (
    id text primary key,
    owner_account_id text not null references iam_account (id),
    -- The organization that the owner managed when the store was made: its members may read. Null: nobody else may.
    org_id text,
    -- Who the people are known from: the store itself or the domain of a directory.
    source text not null check (source in ('IDENTITY_CENTER', 'ACTIVE_DIRECTORY')),
    directory_id text,
    -- From where the API may be called, as JSON in the API's shape; null: from everywhere.
    network_configuration text,
    created_at {int} not null
){strict};

create table ids_user (
    id text primary key,
    store_id text not null references ids_store (id),
    user_name text not null,
    -- The name in lower case: names differ in more than case.
    user_name_key text not null,
    display_name text,
    -- The primary e-mail address in lower case.
    email_key text,
    status text not null check (status in ('ENABLED', 'DISABLED')),
    -- The other attributes, as JSON in the shape of the API's user.
    attributes text not null,
    -- Id of the person in the directory that it comes from (objectGUID); null: born here.
    source_id text,
    -- Counts the changes: a caller may demand that nothing has changed since.
    revision {int} not null,
    created_at {int} not null,
    created_by text not null,
    updated_at {int} not null,
    updated_by text not null
){strict};
create unique index ids_user_by_name on ids_user (store_id, user_name_key);
create index ids_user_by_store on ids_user (store_id, created_at, id);
create index ids_user_by_email on ids_user (store_id, email_key);
create unique index ids_user_by_source on ids_user (store_id, source_id);

create table ids_group (
    id text primary key,
    store_id text not null references ids_store (id),
    display_name text not null,
    display_name_key text not null,
    description text,
    source_id text,
    -- Counts the changes: a caller may demand that nothing has changed since.
    revision {int} not null,
    created_at {int} not null,
    created_by text not null,
    updated_at {int} not null,
    updated_by text not null
){strict};
create unique index ids_group_by_name on ids_group (store_id, display_name_key);
create index ids_group_by_store on ids_group (store_id, created_at, id);
create unique index ids_group_by_source on ids_group (store_id, source_id);

create table ids_membership (
    id text primary key,
    store_id text not null references ids_store (id),
    group_id text not null references ids_group (id),
    user_id text not null references ids_user (id),
    created_at {int} not null,
    created_by text not null
){strict};
create unique index ids_membership_by_group on ids_membership (group_id, user_id);
create index ids_membership_by_user on ids_membership (user_id, created_at, id);
create index ids_membership_by_group_time on ids_membership (group_id, created_at, id);

-- Identifiers that an external provider gave a user or a group.
create table ids_external_id (
    store_id text not null references ids_store (id),
    issuer text not null,
    external_id text not null,
    principal_id text not null,
    primary key (store_id, issuer, external_id)
){strict};
create index ids_external_id_by_principal on ids_external_id (principal_id);

create table ids_password (
    user_id text primary key references ids_user (id),
    -- argon2id, in the PHC format.
    hash text not null,
    -- A password that an administrator gave must be changed at the next sign-in.
    is_one_time {int} not null,
    -- The last hashes, as a JSON list, newest first: they may not be used again.
    history text not null,
    changed_at {int} not null
){strict};

-- Failed sign-ins of a name in a store or from an address; known and unknown names alike.
create table ids_throttle (
    key text primary key,
    failures {int} not null,
    last_failure_at {int} not null,
    blocked_until {int} not null
){strict};
create index ids_throttle_by_time on ids_throttle (last_failure_at);
