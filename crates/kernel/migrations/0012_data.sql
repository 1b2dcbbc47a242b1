-- Directory Service Data: what was answered to changes that have a client token, so that they are not made twice.

create table dir_data_token (
    directory_id text not null,
    -- SHA-256 of the token.
    token {bytes} not null,
    -- SHA-256 of the operation and its other parameters.
    request {bytes} not null,
    -- The answer, as JSON in the shape of the API.
    answer text not null,
    expires_at {int} not null,
    primary key (directory_id, token)
){strict};
create index dir_data_token_by_expiry on dir_data_token (expires_at);

-- Directories that are shared with other accounts.
create table dir_share (
    -- The directory's id in the account that it is shared with.
    id text primary key,
    directory_id text not null references dir_directory (id),
    account_id text not null,
    method text not null check (method in ('ORGANIZATIONS', 'HANDSHAKE')),
    status text not null check (status in ('PendingAcceptance', 'Shared', 'Rejected')),
    notes text,
    created_at {int} not null,
    changed_at {int} not null,
    unique (directory_id, account_id)
){strict};
create index dir_share_by_account on dir_share (account_id, id);
