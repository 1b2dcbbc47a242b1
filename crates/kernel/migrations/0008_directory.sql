-- Directory Service: directories, how they are reached, and what is synchronized from them.

create table dir_directory (
    id text primary key,
    account_id text not null references iam_account (id),
    type text not null check (type in ('ADConnector', 'MicrosoftAD')),
    -- Name of the domain in lower case, without a dot at the end.
    name text not null,
    -- What does not change, as JSON in the shape of the API's description.
    details text not null,
    -- Password of the account by which the directory is read.
    sealed_password {bytes} not null,
    -- Password that the administrator of a domain is to have that is run here; null once there is the domain.
    sealed_first_password {bytes},
    -- Authority in PEM that signs the certificates of the controllers of a domain that is run here.
    authority text,
    alias text,
    is_sso_enabled {int} not null,
    stage text not null,
    stage_reason text,
    stage_changed_at {int} not null,
    ldaps_status text not null,
    ldaps_reason text,
    ldaps_changed_at {int} not null,
    -- Whether Directory Service Data may be used.
    data_access_status text not null
        check (data_access_status in ('Disabled', 'Disabling', 'Enabled', 'Enabling', 'Failed')),
    -- Moves with what connections are made from: addresses, certificates, the account.
    revision {int} not null,
    created_at {int} not null
){strict};
create unique index dir_directory_by_alias on dir_directory (alias);
create index dir_directory_by_account on dir_directory (account_id, id);

create table dir_certificate (
    id text primary key,
    directory_id text not null references dir_directory (id),
    -- One certificate in PEM.
    data text not null,
    common_name text not null,
    expires_at {int} not null,
    registered_at {int} not null
){strict};
create index dir_certificate_by_directory on dir_certificate (directory_id, id);

-- The domain controllers of directories whose domains are run here.
create table dir_controller (
    id text primary key,
    directory_id text not null references dir_directory (id),
    -- Where it listens, alone.
    address text not null,
    launched_at {int} not null
){strict};
create unique index dir_controller_by_address on dir_controller (address);
create index dir_controller_by_directory on dir_controller (directory_id, id);

create table dir_snapshot (
    id text primary key,
    directory_id text not null references dir_directory (id),
    name text,
    status text not null check (status in ('Creating', 'Completed', 'Failed')),
    started_at {int} not null
){strict};
create index dir_snapshot_by_directory on dir_snapshot (directory_id, id);

create table dir_tag (
    directory_id text not null references dir_directory (id),
    key text not null,
    value text not null,
    primary key (directory_id, key)
){strict};

-- Which identity store takes its people from which directory, and how far that has come.
create table dir_sync (
    store_id text primary key,
    directory_id text not null references dir_directory (id),
    -- Null: it is not paused.
    paused_at {int},
    interval_seconds {int} not null,
    -- Attributes of users, as JSON: name of the identity store's attribute to an expression.
    mapping text not null,
    -- The controller whose counter of changes `usn` is; null: everything is to be read.
    server text,
    usn {int} not null,
    full_at {int} not null,
    ran_at {int} not null,
    -- What the last run did or why it failed, and what the last rehearsal found to be done, as JSON.
    result text,
    plan text
){strict};
create index dir_sync_by_directory on dir_sync (directory_id);

-- The users and groups that were chosen by name. What they are in the directory is found out by the next run.
create table dir_scope (
    store_id text not null references dir_sync (store_id),
    kind text not null check (kind in ('USER', 'GROUP')),
    name_key text not null,
    name text not null,
    object_id text,
    added_at {int} not null,
    primary key (store_id, kind, name_key)
){strict};

-- Users who are in the directory but not in the scope any more: they keep their access for a while.
create table dir_departure (
    store_id text not null references dir_sync (store_id),
    object_id text not null,
    since {int} not null,
    primary key (store_id, object_id)
){strict};
