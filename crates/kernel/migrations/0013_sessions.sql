-- Sessions that end when a browser rests, and refresh tokens that processes renew beside each other.

-- How long a browser may rest before one must sign in anew, in seconds.
alter table sso_instance add column session_idle_seconds {int} not null default 28800;

-- When it was used first; null: it is the one that is good.
alter table sso_refresh_token add column used_at {int};
update sso_refresh_token set used_at = 0 where is_used = 1;
alter table sso_refresh_token drop column is_used;

-- Refresh tokens of a tool that `aws login` let in: the one that is good, and those that it replaced.
create table signin_refresh_token (
    token_hash {bytes} primary key,
    login_id text not null references signin_login (id) on delete cascade,
    used_at {int}
){strict};
create index signin_refresh_token_by_login on signin_refresh_token (login_id);
insert into signin_refresh_token (token_hash, login_id)
    select refresh_hash, id from signin_login where refresh_hash is not null;
insert into signin_refresh_token (token_hash, login_id, used_at)
    select former_refresh_hash, id, refreshed_at from signin_login where former_refresh_hash is not null;
drop index signin_login_by_refresh;
drop index signin_login_by_former_refresh;
alter table signin_login drop column refresh_hash;
alter table signin_login drop column former_refresh_hash;
alter table signin_login drop column refreshed_at;
