-- Directory Service Data: what was answered to changes that have a client token, so that they are not made twice.

create table dir_data_token (
    directory_id text not null,
    token text not null,
    -- SHA-256 of the operation and its other parameters.
    request {bytes} not null,
    -- The answer, as JSON in the shape of the API.
    answer text not null,
    expires_at {int} not null,
    primary key (directory_id, token)
){strict};
create index dir_data_token_by_expiry on dir_data_token (expires_at);
