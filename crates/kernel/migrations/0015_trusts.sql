-- Trusts of domains that are run here with other domains, and where the names of those are asked for.

create table dir_trust (
    id text primary key,
    directory_id text not null references dir_directory (id),
    -- The other domain as it was named, and in lower case without a dot at the end.
    remote_domain_name text not null,
    remote_key text not null,
    direction text not null check (direction in ('One-Way: Outgoing', 'One-Way: Incoming', 'Two-Way')),
    type text not null check (type in ('Forest', 'External')),
    selective_auth text not null check (selective_auth in ('Enabled', 'Disabled')),
    state text not null,
    state_reason text,
    state_changed_at {int} not null,
    -- What both halves are made with; null once this one is made.
    sealed_password {bytes},
    -- Whether the conditional forwarder of the domain goes with the trust.
    is_forwarder_unwanted {int} not null,
    created_at {int} not null,
    changed_at {int} not null
){strict};
create unique index dir_trust_by_remote on dir_trust (directory_id, remote_key);
create index dir_trust_by_state on dir_trust (remote_key, state);

create table dir_forwarder (
    directory_id text not null references dir_directory (id),
    -- In lower case without a dot at the end.
    remote_key text not null,
    remote_domain_name text not null,
    -- Addresses of name servers, with a space between two.
    servers text not null,
    primary key (directory_id, remote_key)
){strict};
