-- What every part of the product stands on: jobs, the audit trail, changes for other nodes.

create table job (
    id text primary key,
    kind text not null,
    key text not null,
    state text not null check (state in ('queued', 'running', 'dead')),
    attempt {int} not null,
    run_at {int} not null,
    lease_owner text,
    lease_until {int} not null,
    rerun {int} not null,
    last_error text,
    created_at {int} not null
){strict};
create unique index job_by_key on job (kind, key);
create index job_due on job (state, run_at);

-- One row is one record and its occurrences: identical calls of reads within a second share a row.
create table audit (
    id text primary key,
    account_id text not null,
    first_at {int} not null,
    last_at {int} not null,
    event_source text not null,
    event_name text not null,
    is_read_only {int} not null,
    user_name text,
    access_key_id text,
    resources text not null,
    record text not null,
    occurrences {bytes} not null
){strict};
create index audit_by_time on audit (account_id, last_at, id);

create table change (
    id text primary key,
    scope text not null,
    at {int} not null
){strict};
create index change_by_time on change (at);

-- Facts of this installation: keys that must outlive the process, the bootstrap's marker.
create table fact (
    name text primary key,
    value text not null
){strict};
