-- Signing in: sessions of browsers and tools, OAuth clients, grants and tokens. Every secret is stored as its SHA-256.

-- A tool: what registered with the token service. Anybody may register, so a client proves nothing about who it is.
create table sso_client (
    id text primary key,
    secret_hash {bytes} not null,
    name text not null,
    -- Separated by spaces.
    scopes text not null,
    grant_types text not null,
    redirect_uris text not null,
    -- The instance that it named; null: it did not.
    instance_id text references sso_instance (id),
    source_ip text not null,
    created_at {int} not null,
    expires_at {int} not null
){strict};
create index sso_client_by_address on sso_client (source_ip, created_at);
create index sso_client_by_end on sso_client (expires_at);
create index sso_client_by_instance on sso_client (instance_id);

-- Sessions of people. Sessions that were ended are deleted, with all that hangs on them.
create table sso_session (
    id text primary key,
    instance_id text not null references sso_instance (id),
    user_id text not null,
    -- The browser's session from which a tool was let in; null: a browser, or a tool that an administrator let in.
    parent_id text references sso_session (id),
    -- The tool; null: a browser. The client itself may be forgotten before its sessions are.
    client_id text,
    client_name text,
    -- The application, when the tool is one: its tokens are no good at the portal. The application may be gone.
    application_id text,
    -- What the tool may do, separated by spaces; null: it did not ask for scopes.
    scopes text,
    cookie_hash {bytes},
    created_at {int} not null,
    last_seen_at {int} not null,
    expires_at {int} not null,
    source_ip text not null,
    user_agent text not null,
    -- User codes without a request that were tried since an instant: codes are short, so guesses are counted.
    wrong_codes {int} not null,
    wrong_codes_since {int} not null,
    check ((cookie_hash is null) <> (client_name is null))
){strict};
create unique index sso_session_by_cookie on sso_session (cookie_hash);
create index sso_session_by_user on sso_session (user_id, created_at, id);
create index sso_session_by_parent on sso_session (parent_id);
create index sso_session_by_instance on sso_session (instance_id);
create index sso_session_by_end on sso_session (expires_at);

create table sso_access_token (
    token_hash {bytes} primary key,
    session_id text not null references sso_session (id),
    expires_at {int} not null
){strict};
create index sso_access_token_by_session on sso_access_token (session_id);
create index sso_access_token_by_end on sso_access_token (expires_at);

-- A session's refresh tokens: the one that is good, and those that it replaced.
create table sso_refresh_token (
    token_hash {bytes} primary key,
    session_id text not null references sso_session (id),
    is_used {int} not null
){strict};
create index sso_refresh_token_by_session on sso_refresh_token (session_id);

-- Tools that wait to be let in from another device (RFC 8628).
create table sso_device_grant (
    device_code_hash {bytes} primary key,
    user_code text not null,
    client_id text not null,
    client_name text not null,
    scopes text not null,
    instance_id text not null references sso_instance (id),
    source_ip text not null,
    user_agent text not null,
    requested_at {int} not null,
    expires_at {int} not null,
    polls {int} not null,
    last_poll_at {int} not null,
    status text not null check (status in ('PENDING', 'ALLOWED', 'DENIED', 'USED')),
    -- For whom it was allowed, and from which browser's session; null: by an administrator.
    user_id text,
    session_id text references sso_session (id)
){strict};
create unique index sso_device_grant_by_code on sso_device_grant (user_code);
create index sso_device_grant_by_address on sso_device_grant (source_ip, requested_at);
create index sso_device_grant_by_end on sso_device_grant (expires_at);
create index sso_device_grant_by_instance on sso_device_grant (instance_id);
create index sso_device_grant_by_user on sso_device_grant (user_id);
create index sso_device_grant_by_session on sso_device_grant (session_id);

create table sso_authorization_code (
    code_hash {bytes} primary key,
    client_id text not null,
    -- The browser's session in which the tool was let in.
    session_id text not null references sso_session (id),
    redirect_uri text not null,
    scopes text not null,
    code_challenge text not null,
    expires_at {int} not null,
    -- The session that the code was exchanged for; a second exchange ends it. The session may be gone.
    tool_session_id text
){strict};
create index sso_authorization_code_by_session on sso_authorization_code (session_id);
create index sso_authorization_code_by_end on sso_authorization_code (expires_at);

-- Proof that somebody gave the password that an administrator had set, and may now replace it.
create table sso_password_ticket (
    ticket_hash {bytes} primary key,
    instance_id text not null references sso_instance (id),
    user_id text not null,
    expires_at {int} not null
){strict};
create index sso_password_ticket_by_user on sso_password_ticket (user_id);
create index sso_password_ticket_by_instance on sso_password_ticket (instance_id);
create index sso_password_ticket_by_end on sso_password_ticket (expires_at);
