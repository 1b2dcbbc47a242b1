-- Applications of IAM Identity Center and the issuers of tokens that they trust.

create table sso_application (
    id text primary key,
    instance_id text not null references sso_instance (id),
    -- The account that made the application: the instance's own, or a member of its organization.
    account_id text not null,
    provider_arn text not null,
    name text not null,
    description text,
    status text not null check (status in ('ENABLED', 'DISABLED')),
    -- Whether the portal shows the application.
    visibility text not null check (visibility in ('ENABLED', 'DISABLED')),
    -- Where a sign-in begins, and the address for it; both null when the portal only knows the application.
    sign_in_origin text check (sign_in_origin in ('IDENTITY_CENTER', 'APPLICATION')),
    application_url text,
    -- 0: every user of the instance may use it.
    is_assignment_required {int} not null,
    background_sessions text not null check (background_sessions in ('ENABLED', 'DISABLED')),
    -- The region in which it was made.
    created_from text not null,
    created_at {int} not null,
    -- The token of the request that made it, and the SHA-256 of what that request asked for.
    client_token text,
    client_fingerprint {bytes}
){strict};
create index sso_application_by_instance on sso_application (instance_id, created_at, id);
create unique index sso_application_by_client_token on sso_application (account_id, client_token);

-- Who may use which application. `principal_type`: USER or GROUP.
create table sso_application_assignment (
    application_id text not null references sso_application (id),
    principal_type text not null check (principal_type in ('USER', 'GROUP')),
    principal_id text not null,
    instance_id text not null references sso_instance (id),
    created_at {int} not null,
    primary key (application_id, principal_id)
){strict};
create index sso_application_assignment_by_principal on sso_application_assignment (principal_id, application_id);

-- Scopes that the application may ask for, with the targets as a JSON list; null: none were named.
create table sso_application_scope (
    application_id text not null references sso_application (id),
    scope text not null,
    targets text,
    primary key (application_id, scope)
){strict};

-- How the application proves who it is; `method` is JSON in the shape of the API.
create table sso_application_authentication (
    application_id text not null references sso_application (id),
    type text not null check (type = 'IAM'),
    method text not null,
    primary key (application_id, type)
){strict};

-- How the application gets tokens; `configuration` is JSON in the shape of the API.
create table sso_application_grant (
    application_id text not null references sso_application (id),
    type text not null,
    configuration text not null,
    primary key (application_id, type)
){strict};

create table sso_trusted_token_issuer (
    id text primary key,
    instance_id text not null references sso_instance (id),
    account_id text not null,
    name text not null,
    -- OIDC_JWT: the only type there is.
    issuer_url text not null,
    claim_attribute_path text not null,
    identity_store_attribute_path text not null,
    jwks_retrieval_option text not null check (jwks_retrieval_option = 'OPEN_ID_DISCOVERY'),
    -- The issuer's signing keys (RFC 7517) as last fetched, and when that fetch began; null until they could be fetched.
    jwks text,
    jwks_fetched_at {int},
    created_at {int} not null,
    client_token text,
    client_fingerprint {bytes}
){strict};
create index sso_trusted_token_issuer_by_instance on sso_trusted_token_issuer (instance_id, created_at, id);
create unique index sso_trusted_token_issuer_by_client_token on sso_trusted_token_issuer (account_id, client_token);

-- The issuers that the grants of applications name.
create table sso_application_grant_issuer (
    application_id text not null references sso_application (id),
    issuer_id text not null references sso_trusted_token_issuer (id),
    primary key (application_id, issuer_id)
){strict};
create index sso_application_grant_issuer_by_issuer on sso_application_grant_issuer (issuer_id);
