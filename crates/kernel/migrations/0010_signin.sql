-- AWS Sign-In: command-line tools that act for a principal of the console (`aws login`).

create table signin_login (
    id text primary key,
    client_id text not null,
    redirect_uri text not null,
    code_challenge text not null,
    code_hash {bytes} not null,
    code_expires_at {int} not null,
    is_code_used {int} not null,
    -- The session of the console in which the tool was let in, sealed.
    session {bytes} not null,
    -- The key that the tool has shown with the code (RFC 7638).
    thumbprint text,
    refresh_hash {bytes},
    -- The refresh token before that, which is good for a moment more: answers get lost.
    former_refresh_hash {bytes},
    refreshed_at {int},
    expires_at {int} not null
){strict};
create unique index signin_login_by_code on signin_login (code_hash);
create unique index signin_login_by_refresh on signin_login (refresh_hash);
create index signin_login_by_former_refresh on signin_login (former_refresh_hash);
create index signin_login_by_end on signin_login (expires_at);

-- Proofs of possession that were used (RFC 9449): each counts once.
create table signin_proof (
    proof_hash {bytes} primary key,
    expires_at {int} not null
){strict};
create index signin_proof_by_end on signin_proof (expires_at);

-- The key that signs ID tokens.
create table signin_key (
    id text primary key,
    -- PKCS #8, sealed.
    private_key {bytes} not null,
    created_at {int} not null
){strict};
