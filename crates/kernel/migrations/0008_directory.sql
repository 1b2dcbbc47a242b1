-- Directory Service: directories, and how they are reached.

create table dir_directory (
    id text primary key,
    account_id text not null references iam_account (id),
    type text not null check (type in ('ADConnector', 'MicrosoftAD')),
    name text not null,
    stage text not null,
    created_at {int} not null
){strict};
