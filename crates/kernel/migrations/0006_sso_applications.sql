-- Applications of IAM Identity Center and the issuers of tokens that they trust.

create table sso_application (
    id text primary key,
    instance_id text not null references sso_instance (id),
    account_id text not null,
    name text not null,
    provider_arn text not null,
    created_at {int} not null
){strict};
