-- Signing in: portal sessions, OAuth clients, grants and tokens. Every secret is stored as its SHA-256.

create table sso_session (
    id text primary key,
    instance_id text not null references sso_instance (id),
    user_id text not null,
    -- SHA-256 of the cookie.
    token_hash {bytes} not null unique,
    created_at {int} not null,
    last_seen_at {int} not null,
    expires_at {int} not null,
    source_ip text not null,
    user_agent text not null
){strict};
create index sso_session_by_user on sso_session (user_id, created_at, id);
create index sso_session_by_end on sso_session (expires_at);
