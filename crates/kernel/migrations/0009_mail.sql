-- Mail to people: kept until it is sent, or for `vestibule outbox` when no mail server is configured.

create table mail_message (
    id text primary key,
    recipient text not null,
    subject text not null,
    -- Sealed: mails carry links that let their reader in.
    body {bytes} not null,
    created_at {int} not null,
    sent_at {int},
    attempts {int} not null,
    last_error text
){strict};
create index mail_message_waiting on mail_message (sent_at, created_at, id);
