-- Mail to people: kept until it is sent, or for `vestibule outbox` when no mail server is configured.

create table mail_message (
    id text primary key,
    -- The account on whose behalf the mail is written, and which may see it in its outbox.
    account_id text not null,
    recipient text not null,
    subject text not null,
    -- Sealed: mails carry what lets their reader in.
    body {bytes} not null,
    created_at {int} not null,
    sent_at {int},
    attempts {int} not null,
    last_error text
){strict};
create index mail_message_by_account on mail_message (account_id, created_at, id);
