-- Links in mails to people, and the addresses that they have confirmed by following one.

create table sso_mail_link (
    -- SHA-256 of the token in the link.
    token_hash {bytes} primary key,
    instance_id text not null references sso_instance (id),
    user_id text not null,
    purpose text not null check (purpose in ('INVITATION', 'PASSWORD_RESET', 'EMAIL_VERIFICATION')),
    -- The address to which it went, in lower case: the link is void once the user has another one.
    email_key text not null,
    expires_at {int} not null
){strict};
create index sso_mail_link_by_user on sso_mail_link (user_id);
create index sso_mail_link_by_instance on sso_mail_link (instance_id);
create index sso_mail_link_by_end on sso_mail_link (expires_at);

-- The address of a user who has shown that mail to it arrives; worth nothing once the user has another address.
create table ids_verified_email (
    user_id text primary key references ids_user (id),
    -- In lower case.
    email_key text not null,
    verified_at {int} not null
){strict};
