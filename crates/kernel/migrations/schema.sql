-- What the migrations result in, on SQLite. @generated; UPDATE_SCHEMA=1 renews it.

CREATE TABLE audit (
    id text primary key,
    account_id text not null,
    first_at integer not null,
    last_at integer not null,
    event_source text not null,
    event_name text not null,
    is_read_only integer not null,
    user_name text,
    access_key_id text,
    resources text not null,
    record text not null,
    occurrences blob not null
) strict;

CREATE TABLE change (
    id text primary key,
    scope text not null,
    at integer not null
) strict;

CREATE TABLE dir_certificate (
    id text primary key,
    directory_id text not null references dir_directory (id),
    -- One certificate in PEM.
    data text not null,
    common_name text not null,
    expires_at integer not null,
    registered_at integer not null
) strict;

CREATE TABLE dir_controller (
    id text primary key,
    directory_id text not null references dir_directory (id),
    -- Where it listens, alone.
    address text not null,
    launched_at integer not null
) strict;

CREATE TABLE dir_data_token (
    directory_id text not null,
    -- SHA-256 of the token.
    token blob not null,
    -- SHA-256 of the operation and its other parameters.
    request blob not null,
    -- The answer, as JSON in the shape of the API.
    answer text not null,
    expires_at integer not null,
    primary key (directory_id, token)
) strict;

CREATE TABLE dir_departure (
    store_id text not null references dir_sync (store_id),
    object_id text not null,
    since integer not null,
    primary key (store_id, object_id)
) strict;

CREATE TABLE dir_directory (
    id text primary key,
    account_id text not null references iam_account (id),
    type text not null check (type in ('ADConnector', 'MicrosoftAD')),
    -- Name of the domain in lower case, without a dot at the end.
    name text not null,
    -- What does not change, as JSON in the shape of the API's description.
    details text not null,
    -- Password of the account by which the directory is read.
    sealed_password blob not null,
    -- Password that the administrator of a domain is to have that is run here; null once there is the domain.
    sealed_first_password blob,
    -- Authority in PEM that signs the certificates of the controllers of a domain that is run here.
    authority text,
    alias text,
    is_sso_enabled integer not null,
    stage text not null,
    stage_reason text,
    stage_changed_at integer not null,
    ldaps_status text not null,
    ldaps_reason text,
    ldaps_changed_at integer not null,
    -- Whether Directory Service Data may be used.
    data_access_status text not null
        check (data_access_status in ('Disabled', 'Disabling', 'Enabled', 'Enabling', 'Failed')),
    -- Moves with what connections are made from: addresses, certificates, the account.
    revision integer not null,
    created_at integer not null
, home text) strict;

CREATE TABLE dir_forwarder (
    directory_id text not null references dir_directory (id),
    -- In lower case without a dot at the end.
    remote_key text not null,
    remote_domain_name text not null,
    -- Addresses of name servers, with a space between two.
    servers text not null,
    primary key (directory_id, remote_key)
) strict;

CREATE TABLE dir_scope (
    store_id text not null references dir_sync (store_id),
    kind text not null check (kind in ('USER', 'GROUP')),
    name_key text not null,
    name text not null,
    object_id text,
    added_at integer not null,
    primary key (store_id, kind, name_key)
) strict;

CREATE TABLE dir_share (
    -- The directory's id in the account that it is shared with.
    id text primary key,
    directory_id text not null references dir_directory (id),
    account_id text not null,
    method text not null check (method in ('ORGANIZATIONS', 'HANDSHAKE')),
    status text not null check (status in ('PendingAcceptance', 'Shared', 'Rejected')),
    notes text,
    created_at integer not null,
    changed_at integer not null,
    unique (directory_id, account_id)
) strict;

CREATE TABLE dir_snapshot (
    id text primary key,
    directory_id text not null references dir_directory (id),
    name text,
    status text not null check (status in ('Creating', 'Completed', 'Failed')),
    started_at integer not null
) strict;

CREATE TABLE dir_sync (
    store_id text primary key,
    directory_id text not null references dir_directory (id),
    -- Null: it is not paused.
    paused_at integer,
    interval_seconds integer not null,
    -- Attributes of users, as JSON: name of the identity store's attribute to an expression.
    mapping text not null,
    -- The controller whose counter of changes `usn` is; null: everything is to be read.
    server text,
    usn integer not null,
    full_at integer not null,
    ran_at integer not null,
    -- What the last run did or why it failed, and what the last rehearsal found to be done, as JSON.
    result text,
    plan text
) strict;

CREATE TABLE dir_tag (
    directory_id text not null references dir_directory (id),
    key text not null,
    value text not null,
    primary key (directory_id, key)
) strict;

CREATE TABLE dir_trust (
    id text primary key,
    directory_id text not null references dir_directory (id),
    -- The other domain as it was named, and in lower case without a dot at the end.
    remote_domain_name text not null,
    remote_key text not null,
    direction text not null check (direction in ('One-Way: Outgoing', 'One-Way: Incoming', 'Two-Way')),
    type text not null check (type in ('Forest', 'External')),
    selective_auth text not null check (selective_auth in ('Enabled', 'Disabled')),
    state text not null,
    state_reason text,
    state_changed_at integer not null,
    -- What both halves are made with; null once this one is made.
    sealed_password blob,
    -- Whether the conditional forwarder of the domain goes with the trust.
    is_forwarder_unwanted integer not null,
    created_at integer not null,
    changed_at integer not null
) strict;

CREATE TABLE fact (
    name text primary key,
    value text not null
) strict;

CREATE TABLE iam_access_key (
    id text primary key,
    account_id text not null references iam_account (id),
    -- Null: a key of the root user.
    user_id text references iam_user (id),
    sealed_secret blob not null,
    is_active integer not null,
    created_at integer not null,
    last_used_at integer,
    last_used_service text,
    last_used_region text
) strict;

CREATE TABLE iam_account (
    id text primary key,
    email text not null,
    email_key text not null unique,
    name text not null,
    alias text unique,
    state text not null check (state in ('PENDING_ACTIVATION', 'ACTIVE', 'SUSPENDED', 'PENDING_CLOSURE', 'CLOSED')),
    root_password_hash text,
    root_password_used_at integer,
    password_policy text,
    -- Version of the session tokens that the global endpoint of STS gives out: 1 or 2.
    token_version integer not null default 1,
    created_at integer not null
) strict;

CREATE TABLE iam_attachment (
    entity_id text not null,
    policy_arn text not null,
    account_id text not null references iam_account (id),
    entity_kind text not null check (entity_kind in ('user', 'group', 'role')),
    attached_at integer not null,
    primary key (entity_id, policy_arn)
) strict;

CREATE TABLE iam_credential_report (
    account_id text primary key references iam_account (id),
    content text not null,
    generated_at integer not null
) strict;

CREATE TABLE iam_deletion_task (
    id text primary key,
    account_id text not null references iam_account (id),
    role_id text not null,
    role_name text not null,
    status text not null check (status in ('NOT_STARTED', 'IN_PROGRESS', 'SUCCEEDED', 'FAILED')),
    reason text,
    usage text,
    created_at integer not null
) strict;

CREATE TABLE iam_group (
    id text primary key,
    account_id text not null references iam_account (id),
    name text not null,
    name_key text not null,
    path text not null,
    created_at integer not null
) strict;

CREATE TABLE iam_group_member (
    group_id text not null references iam_group (id),
    user_id text not null references iam_user (id),
    added_at integer not null,
    primary key (group_id, user_id)
) strict;

CREATE TABLE iam_inline_policy (
    entity_id text not null,
    name text not null,
    account_id text not null references iam_account (id),
    entity_kind text not null check (entity_kind in ('user', 'group', 'role')),
    document text not null,
    primary key (entity_id, name)
) strict;

CREATE TABLE iam_instance_profile (
    id text primary key,
    account_id text not null references iam_account (id),
    name text not null,
    name_key text not null,
    path text not null,
    role_id text references iam_role (id),
    created_at integer not null
) strict;

CREATE TABLE iam_mfa_device (
    serial text primary key,
    account_id text not null references iam_account (id),
    -- Whom it is assigned to: a user's id, or the account's id for the root user; null while unassigned.
    assigned_to text,
    sealed_seed blob not null,
    last_step integer not null,
    enabled_at integer,
    created_at integer not null
) strict;

CREATE TABLE iam_oidc_provider (
    arn text primary key,
    account_id text not null references iam_account (id),
    url text not null,
    client_ids text not null,
    thumbprints text not null,
    -- The provider's signing keys (JWKS) as last fetched, and when that fetch began; null until the first one.
    jwks text,
    jwks_fetched_at integer,
    created_at integer not null
) strict;

CREATE TABLE iam_password_history (
    user_id text not null references iam_user (id),
    changed_at integer not null,
    hash text not null,
    primary key (user_id, changed_at)
) strict;

CREATE TABLE iam_policy (
    id text primary key,
    account_id text not null references iam_account (id),
    arn text not null unique,
    name text not null,
    name_key text not null,
    path text not null,
    description text,
    default_version integer not null,
    newest_version integer not null,
    created_at integer not null,
    updated_at integer not null
) strict;

CREATE TABLE iam_policy_version (
    policy_id text not null references iam_policy (id),
    version integer not null,
    document text not null,
    created_at integer not null,
    primary key (policy_id, version)
) strict;

CREATE TABLE iam_role (
    id text primary key,
    account_id text not null references iam_account (id),
    name text not null,
    name_key text not null,
    path text not null,
    trust_policy text not null,
    description text,
    max_session_seconds integer not null,
    boundary_arn text,
    -- The service that alone may assume the role, for service-linked roles.
    linked_service text,
    last_used_at integer,
    last_used_region text,
    created_at integer not null
) strict;

CREATE TABLE iam_saml_provider (
    arn text primary key,
    account_id text not null references iam_account (id),
    name text not null,
    uuid text not null,
    metadata text not null,
    encryption_mode text,
    sealed_private_keys text not null,
    valid_until integer not null,
    created_at integer not null
) strict;

CREATE TABLE iam_tag (
    resource_id text not null,
    key_folded text not null,
    key text not null,
    value text not null,
    primary key (resource_id, key_folded)
) strict;

CREATE TABLE iam_trust_pin (
    role_id text not null references iam_role (id),
    principal_text text not null,
    principal_id text not null,
    primary key (role_id, principal_text)
) strict;

CREATE TABLE iam_user (
    id text primary key,
    account_id text not null references iam_account (id),
    name text not null,
    name_key text not null,
    path text not null,
    boundary_arn text,
    password_hash text,
    is_password_reset_required integer not null,
    password_created_at integer,
    password_changed_at integer,
    password_used_at integer,
    created_at integer not null
) strict;

CREATE TABLE ids_external_id (
    store_id text not null references ids_store (id),
    issuer text not null,
    external_id text not null,
    principal_id text not null,
    primary key (store_id, issuer, external_id)
) strict;

CREATE TABLE ids_group (
    id text primary key,
    store_id text not null references ids_store (id),
    display_name text not null,
    display_name_key text not null,
    description text,
    source_id text,
    -- Counts the changes: a caller may demand that nothing has changed since.
    revision integer not null,
    created_at integer not null,
    created_by text not null,
    updated_at integer not null,
    updated_by text not null
) strict;

CREATE TABLE ids_membership (
    id text primary key,
    store_id text not null references ids_store (id),
    group_id text not null references ids_group (id),
    user_id text not null references ids_user (id),
    created_at integer not null,
    created_by text not null
) strict;

CREATE TABLE ids_password (
    user_id text primary key references ids_user (id),
    -- argon2id, in the PHC format.
    hash text not null,
    -- A password that an administrator gave must be changed at the next sign-in.
    is_one_time integer not null,
    -- The last hashes, as a JSON list, newest first: they may not be used again.
    history text not null,
    changed_at integer not null
) strict;

CREATE TABLE ids_store (
    id text primary key,
    owner_account_id text not null references iam_account (id),
    -- The organization that the owner managed when the store was made: its members may read. Null: nobody else may.
    org_id text,
    -- Who the people are known from: the store itself or the domain of a directory.
    source text not null check (source in ('IDENTITY_CENTER', 'ACTIVE_DIRECTORY')),
    directory_id text,
    -- From where the API may be called, as JSON in the API's shape; null: from everywhere.
    network_configuration text,
    created_at integer not null
) strict;

CREATE TABLE ids_throttle (
    key text primary key,
    failures integer not null,
    last_failure_at integer not null,
    blocked_until integer not null
) strict;

CREATE TABLE ids_user (
    id text primary key,
    store_id text not null references ids_store (id),
    user_name text not null,
    -- The name in lower case: names differ in more than case.
    user_name_key text not null,
    display_name text,
    -- The primary e-mail address in lower case.
    email_key text,
    status text not null check (status in ('ENABLED', 'DISABLED')),
    -- The other attributes, as JSON in the shape of the API's user.
    attributes text not null,
    -- Id of the person in the directory that it comes from (objectGUID); null: born here.
    source_id text,
    -- Counts the changes: a caller may demand that nothing has changed since.
    revision integer not null,
    created_at integer not null,
    created_by text not null,
    updated_at integer not null,
    updated_by text not null
) strict;

CREATE TABLE ids_verified_email (
    user_id text primary key references ids_user (id),
    -- In lower case.
    email_key text not null,
    verified_at integer not null
) strict;

CREATE TABLE job (
    id text primary key,
    kind text not null,
    key text not null,
    state text not null check (state in ('queued', 'running', 'dead')),
    attempt integer not null,
    run_at integer not null,
    lease_owner text,
    lease_until integer not null,
    rerun integer not null,
    last_error text,
    created_at integer not null
) strict;

CREATE TABLE mail_message (
    id text primary key,
    -- The account on whose behalf the mail is written, and which may see it in its outbox.
    account_id text not null,
    recipient text not null,
    subject text not null,
    -- Sealed: mails carry what lets their reader in.
    body blob not null,
    created_at integer not null,
    sent_at integer,
    attempts integer not null,
    last_error text
) strict;

CREATE TABLE migration (version integer primary key, name text not null) strict;

CREATE TABLE org_account (
    account_id text primary key references iam_account (id),
    org_id text not null references org_organization (id),
    parent_id text not null,
    joined_method text not null check (joined_method in ('INVITED', 'CREATED')),
    joined_at integer not null,
    -- When CloseAccount was called, for quotas and for the end of the closed account.
    closing_at integer
) strict;

CREATE TABLE org_attachment (
    target_id text not null,
    policy_id text not null,
    org_id text not null references org_organization (id),
    type text not null,
    attached_at integer not null,
    primary key (target_id, policy_id)
) strict;

CREATE TABLE org_create_account_request (
    id text primary key,
    org_id text not null,
    state text not null check (state in ('IN_PROGRESS', 'SUCCEEDED', 'FAILED')),
    account_name text not null,
    email text not null,
    role_name text not null,
    tags text not null,
    account_id text,
    govcloud_account_id text,
    failure_reason text,
    requested_at integer not null,
    completed_at integer
) strict;

CREATE TABLE org_delegated_administrator (
    org_id text not null references org_organization (id),
    account_id text not null,
    service text not null,
    enabled_at integer not null,
    primary key (org_id, account_id, service)
) strict;

CREATE TABLE org_departure (
    account_id text not null,
    service text not null,
    org_id text not null,
    left_at integer not null,
    -- Whether the service could reach the account when it left: only then may it act there once more.
    is_vouched integer not null,
    primary key (account_id, service)
) strict;

CREATE TABLE org_organization (
    id text primary key,
    management_account_id text not null unique references iam_account (id),
    feature_set text not null check (feature_set in ('ALL', 'CONSOLIDATED_BILLING')),
    root_id text not null unique,
    created_at integer not null
) strict;

CREATE TABLE org_policy (
    id text primary key,
    org_id text not null references org_organization (id),
    type text not null,
    name text not null,
    description text not null,
    content text not null,
    created_at integer not null,
    -- When the document was last changed; null: never.
    updated_at integer
) strict;

CREATE TABLE org_policy_type (
    root_id text not null,
    type text not null,
    status text not null check (status in ('PENDING_ENABLE', 'ENABLED', 'PENDING_DISABLE')),
    changed_at integer not null,
    primary key (root_id, type)
) strict;

CREATE TABLE org_resource_policy (
    org_id text primary key references org_organization (id),
    id text not null,
    content text not null
) strict;

CREATE TABLE org_tag (
    resource_id text not null,
    key text not null,
    value text not null,
    primary key (resource_id, key)
) strict;

CREATE TABLE org_trusted_service (
    org_id text not null references org_organization (id),
    service text not null,
    enabled_at integer not null,
    primary key (org_id, service)
) strict;

CREATE TABLE org_unit (
    id text primary key,
    org_id text not null references org_organization (id),
    -- The root or another organizational unit.
    parent_id text not null,
    name text not null,
    created_at integer not null
) strict;

CREATE TABLE signin_key (
    id text primary key,
    -- PKCS #8, sealed.
    private_key blob not null,
    created_at integer not null
) strict;

CREATE TABLE signin_login (
    id text primary key,
    client_id text not null,
    redirect_uri text not null,
    code_challenge text not null,
    code_hash blob not null,
    code_expires_at integer not null,
    is_code_used integer not null,
    -- The session of the console in which the tool was let in, sealed.
    session blob not null,
    -- The key that the tool has shown with the code (RFC 7638).
    thumbprint text,
    expires_at integer not null
) strict;

CREATE TABLE signin_proof (
    proof_hash blob primary key,
    expires_at integer not null
) strict;

CREATE TABLE signin_refresh_token (
    token_hash blob primary key,
    login_id text not null references signin_login (id) on delete cascade,
    used_at integer
) strict;

CREATE TABLE sso_access_token (
    token_hash blob primary key,
    session_id text not null references sso_session (id),
    expires_at integer not null
) strict;

CREATE TABLE sso_application (
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
    is_assignment_required integer not null,
    background_sessions text not null check (background_sessions in ('ENABLED', 'DISABLED')),
    -- The region in which it was made.
    created_from text not null,
    created_at integer not null,
    -- The token of the request that made it, and the SHA-256 of what that request asked for.
    client_token text,
    client_fingerprint blob
) strict;

CREATE TABLE sso_application_assignment (
    application_id text not null references sso_application (id),
    principal_type text not null check (principal_type in ('USER', 'GROUP')),
    principal_id text not null,
    instance_id text not null references sso_instance (id),
    created_at integer not null,
    primary key (application_id, principal_id)
) strict;

CREATE TABLE sso_application_authentication (
    application_id text not null references sso_application (id),
    type text not null check (type = 'IAM'),
    method text not null,
    primary key (application_id, type)
) strict;

CREATE TABLE sso_application_grant (
    application_id text not null references sso_application (id),
    type text not null,
    configuration text not null,
    primary key (application_id, type)
) strict;

CREATE TABLE sso_application_grant_issuer (
    application_id text not null references sso_application (id),
    issuer_id text not null references sso_trusted_token_issuer (id),
    primary key (application_id, issuer_id)
) strict;

CREATE TABLE sso_application_scope (
    application_id text not null references sso_application (id),
    scope text not null,
    targets text,
    primary key (application_id, scope)
) strict;

CREATE TABLE sso_assignment (
    instance_id text not null references sso_instance (id),
    account_id text not null,
    permission_set_id text not null references sso_permission_set (id),
    principal_type text not null check (principal_type in ('USER', 'GROUP')),
    principal_id text not null,
    created_at integer not null,
    primary key (account_id, permission_set_id, principal_type, principal_id)
) strict;

CREATE TABLE sso_attribute (
    instance_id text not null references sso_instance (id),
    key text not null,
    source text not null,
    position integer not null,
    primary key (instance_id, key)
) strict;

CREATE TABLE sso_attribute_configuration (
    instance_id text primary key references sso_instance (id),
    created_at integer not null
) strict;

CREATE TABLE sso_authorization_code (
    code_hash blob primary key,
    client_id text not null,
    -- The browser's session in which the tool was let in.
    session_id text not null references sso_session (id),
    redirect_uri text not null,
    scopes text not null,
    code_challenge text not null,
    expires_at integer not null,
    -- The session that the code was exchanged for; a second exchange ends it. The session may be gone.
    tool_session_id text
) strict;

CREATE TABLE sso_client (
    id text primary key,
    secret_hash blob not null,
    name text not null,
    -- Separated by spaces.
    scopes text not null,
    grant_types text not null,
    redirect_uris text not null,
    -- The instance that it named; null: it did not.
    instance_id text references sso_instance (id),
    source_ip text not null,
    created_at integer not null,
    expires_at integer not null
) strict;

CREATE TABLE sso_device_grant (
    device_code_hash blob primary key,
    user_code text not null,
    client_id text not null,
    client_name text not null,
    scopes text not null,
    instance_id text not null references sso_instance (id),
    source_ip text not null,
    user_agent text not null,
    requested_at integer not null,
    expires_at integer not null,
    polls integer not null,
    last_poll_at integer not null,
    status text not null check (status in ('PENDING', 'ALLOWED', 'DENIED', 'USED')),
    -- For whom it was allowed, and from which browser's session; null: by an administrator.
    user_id text,
    session_id text references sso_session (id)
) strict;

CREATE TABLE sso_instance (
    id text primary key,
    kind text not null check (kind in ('ORGANIZATION', 'ACCOUNT')),
    owner_account_id text not null references iam_account (id),
    -- The organization of an organization instance.
    org_id text,
    store_id text not null unique references ids_store (id),
    -- The name that an administrator chose for the start URL, once.
    alias text unique,
    name text,
    region text not null,
    status text not null check (status in ('CREATE_IN_PROGRESS', 'ACTIVE', 'DELETE_IN_PROGRESS')),
    -- Sixteen hexadecimal digits: names the SAML providers of the instance in all accounts.
    provider_suffix text not null,
    -- Certificate (DER in base64) and sealed private key (PKCS #8) that sign the instance's assertions.
    certificate text not null,
    private_key blob not null,
    -- Life of a portal session, in seconds.
    session_seconds integer not null,
    -- Whether member accounts may have instances of their own.
    allows_account_instances integer not null,
    -- What the owner chose beyond columns, as JSON.
    settings text not null,
    created_at integer not null
, session_idle_seconds integer not null default 28800) strict;

CREATE TABLE sso_mail_link (
    -- SHA-256 of the token in the link.
    token_hash blob primary key,
    instance_id text not null references sso_instance (id),
    user_id text not null,
    purpose text not null check (purpose in ('INVITATION', 'PASSWORD_RESET', 'EMAIL_VERIFICATION')),
    -- The address to which it went, in lower case: the link is void once the user has another one.
    email_key text not null,
    expires_at integer not null
) strict;

CREATE TABLE sso_operation (
    id text primary key,
    instance_id text not null references sso_instance (id),
    kind text not null check (kind in ('CREATE_ASSIGNMENT', 'DELETE_ASSIGNMENT', 'PROVISION')),
    status text not null check (status in ('IN_PROGRESS', 'SUCCEEDED', 'FAILED')),
    -- The account; null: every account in which the permission set is provisioned.
    account_id text,
    permission_set_id text not null,
    principal_type text,
    principal_id text,
    failure_reason text,
    created_at integer not null
) strict;

CREATE TABLE sso_password_ticket (
    ticket_hash blob primary key,
    instance_id text not null references sso_instance (id),
    user_id text not null,
    expires_at integer not null
) strict;

CREATE TABLE sso_permission_set (
    id text primary key,
    instance_id text not null references sso_instance (id),
    name text not null,
    description text,
    -- As given: ISO 8601.
    session_duration text not null,
    relay_state text,
    inline_policy text,
    -- At most one of the two: an AWS-managed policy, or a customer-managed one by name and path.
    boundary_arn text,
    boundary_name text,
    boundary_path text,
    -- Counts changes: what was provisioned with a smaller number is out of date.
    version integer not null,
    created_at integer not null
) strict;

CREATE TABLE sso_permission_set_customer_policy (
    permission_set_id text not null references sso_permission_set (id),
    path text not null,
    name text not null,
    attached_at integer not null,
    primary key (permission_set_id, path, name)
) strict;

CREATE TABLE sso_permission_set_managed_policy (
    permission_set_id text not null references sso_permission_set (id),
    arn text not null,
    name text not null,
    attached_at integer not null,
    primary key (permission_set_id, arn)
) strict;

CREATE TABLE sso_provisioned (
    instance_id text not null references sso_instance (id),
    account_id text not null,
    permission_set_id text not null references sso_permission_set (id),
    role_name text not null,
    -- The permission set's version that the role shows; 0: not made yet.
    version integer not null,
    provisioned_at integer not null,
    -- From when on the role waits to be compared with what it should be; null: nobody asked.
    due_at integer,
    -- Comparisons in a row that a fault of ours ended.
    attempts integer not null default 0,
    -- Why the role could not be made what it should be, the last time; null: it could.
    failure_reason text,
    primary key (account_id, permission_set_id)
) strict;

CREATE TABLE sso_refresh_token (
    token_hash blob primary key,
    session_id text not null references sso_session (id),
    used_at integer) strict;

CREATE TABLE sso_region (
    instance_id text not null references sso_instance (id),
    name text not null,
    status text not null check (status in ('ACTIVE', 'ADDING', 'REMOVING')),
    is_primary integer not null,
    added_at integer not null,
    primary key (instance_id, name)
) strict;

CREATE TABLE sso_session (
    id text primary key,
    instance_id text not null references sso_instance (id),
    user_id text not null,
    -- The browser's session from which a tool was let in; null: a browser, or a tool that an administrator let in.
    parent_id text references sso_session (id),
    -- The tool; null: a browser. The client itself may be forgotten before its sessions are.
    client_id text,
    client_name text,
    -- The application, when the tool is one: its tokens are no good at the portal. The application may be gone.
    application_id text,
    -- What the tool may do, separated by spaces; null: it did not ask for scopes.
    scopes text,
    cookie_hash blob,
    created_at integer not null,
    last_seen_at integer not null,
    expires_at integer not null,
    source_ip text not null,
    user_agent text not null,
    -- User codes without a request that were tried since an instant: codes are short, so guesses are counted.
    wrong_codes integer not null,
    wrong_codes_since integer not null,
    check ((cookie_hash is null) <> (client_name is null))
) strict;

CREATE TABLE sso_tag (
    resource_arn text not null,
    key text not null,
    value text not null,
    primary key (resource_arn, key)
) strict;

CREATE TABLE sso_trusted_token_issuer (
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
    jwks_fetched_at integer,
    created_at integer not null,
    client_token text,
    client_fingerprint blob
) strict;

CREATE INDEX audit_by_time on audit (account_id, last_at, id);

CREATE INDEX change_by_time on change (at);

CREATE INDEX dir_certificate_by_directory on dir_certificate (directory_id, id);

CREATE UNIQUE INDEX dir_controller_by_address on dir_controller (address);

CREATE INDEX dir_controller_by_directory on dir_controller (directory_id, id);

CREATE INDEX dir_data_token_by_expiry on dir_data_token (expires_at);

CREATE INDEX dir_directory_by_account on dir_directory (account_id, id);

CREATE UNIQUE INDEX dir_directory_by_alias on dir_directory (alias);

CREATE INDEX dir_share_by_account on dir_share (account_id, id);

CREATE INDEX dir_snapshot_by_directory on dir_snapshot (directory_id, id);

CREATE INDEX dir_sync_by_directory on dir_sync (directory_id);

CREATE UNIQUE INDEX dir_trust_by_remote on dir_trust (directory_id, remote_key);

CREATE INDEX dir_trust_by_state on dir_trust (remote_key, state);

CREATE INDEX iam_access_key_by_user on iam_access_key (account_id, user_id);

CREATE INDEX iam_attachment_by_policy on iam_attachment (account_id, policy_arn);

CREATE INDEX iam_deletion_task_by_role on iam_deletion_task (role_id);

CREATE UNIQUE INDEX iam_group_by_name on iam_group (account_id, name_key);

CREATE INDEX iam_group_member_by_user on iam_group_member (user_id);

CREATE UNIQUE INDEX iam_instance_profile_by_name on iam_instance_profile (account_id, name_key);

CREATE UNIQUE INDEX iam_policy_by_name on iam_policy (account_id, name_key);

CREATE UNIQUE INDEX iam_role_by_name on iam_role (account_id, name_key);

CREATE INDEX iam_trust_pin_by_principal on iam_trust_pin (principal_id);

CREATE UNIQUE INDEX iam_user_by_name on iam_user (account_id, name_key);

CREATE INDEX ids_external_id_by_principal on ids_external_id (principal_id);

CREATE UNIQUE INDEX ids_group_by_name on ids_group (store_id, display_name_key);

CREATE UNIQUE INDEX ids_group_by_source on ids_group (store_id, source_id);

CREATE INDEX ids_group_by_store on ids_group (store_id, created_at, id);

CREATE UNIQUE INDEX ids_membership_by_group on ids_membership (group_id, user_id);

CREATE INDEX ids_membership_by_group_time on ids_membership (group_id, created_at, id);

CREATE INDEX ids_membership_by_user on ids_membership (user_id, created_at, id);

CREATE INDEX ids_throttle_by_time on ids_throttle (last_failure_at);

CREATE INDEX ids_user_by_email on ids_user (store_id, email_key);

CREATE UNIQUE INDEX ids_user_by_name on ids_user (store_id, user_name_key);

CREATE UNIQUE INDEX ids_user_by_source on ids_user (store_id, source_id);

CREATE INDEX ids_user_by_store on ids_user (store_id, created_at, id);

CREATE UNIQUE INDEX job_by_key on job (kind, key);

CREATE INDEX job_due on job (state, run_at);

CREATE INDEX mail_message_by_account on mail_message (account_id, created_at, id);

CREATE INDEX org_account_by_org on org_account (org_id, joined_at, account_id);

CREATE INDEX org_account_by_parent on org_account (parent_id, joined_at, account_id);

CREATE INDEX org_attachment_by_policy on org_attachment (org_id, policy_id);

CREATE INDEX org_create_account_request_by_org on org_create_account_request (org_id, requested_at, id);

CREATE UNIQUE INDEX org_policy_by_name on org_policy (org_id, type, name);

CREATE UNIQUE INDEX org_unit_by_name on org_unit (parent_id, name);

CREATE INDEX org_unit_by_org on org_unit (org_id);

CREATE INDEX org_unit_by_parent on org_unit (parent_id, created_at, id);

CREATE UNIQUE INDEX signin_login_by_code on signin_login (code_hash);

CREATE INDEX signin_login_by_end on signin_login (expires_at);

CREATE INDEX signin_proof_by_end on signin_proof (expires_at);

CREATE INDEX signin_refresh_token_by_login on signin_refresh_token (login_id);

CREATE INDEX sso_access_token_by_end on sso_access_token (expires_at);

CREATE INDEX sso_access_token_by_session on sso_access_token (session_id);

CREATE INDEX sso_application_assignment_by_principal on sso_application_assignment (principal_id, application_id);

CREATE UNIQUE INDEX sso_application_by_client_token on sso_application (account_id, client_token);

CREATE INDEX sso_application_by_instance on sso_application (instance_id, created_at, id);

CREATE INDEX sso_application_grant_issuer_by_issuer on sso_application_grant_issuer (issuer_id);

CREATE INDEX sso_assignment_by_instance on sso_assignment (instance_id);

CREATE INDEX sso_assignment_by_permission_set on sso_assignment (permission_set_id, account_id);

CREATE INDEX sso_assignment_by_principal on sso_assignment (principal_id, account_id, permission_set_id);

CREATE INDEX sso_authorization_code_by_end on sso_authorization_code (expires_at);

CREATE INDEX sso_authorization_code_by_session on sso_authorization_code (session_id);

CREATE INDEX sso_client_by_address on sso_client (source_ip, created_at);

CREATE INDEX sso_client_by_end on sso_client (expires_at);

CREATE INDEX sso_client_by_instance on sso_client (instance_id);

CREATE INDEX sso_device_grant_by_address on sso_device_grant (source_ip, requested_at);

CREATE UNIQUE INDEX sso_device_grant_by_code on sso_device_grant (user_code);

CREATE INDEX sso_device_grant_by_end on sso_device_grant (expires_at);

CREATE INDEX sso_device_grant_by_instance on sso_device_grant (instance_id);

CREATE INDEX sso_device_grant_by_session on sso_device_grant (session_id);

CREATE INDEX sso_device_grant_by_user on sso_device_grant (user_id);

CREATE UNIQUE INDEX sso_instance_by_org on sso_instance (org_id);

CREATE INDEX sso_instance_by_owner on sso_instance (owner_account_id);

CREATE INDEX sso_mail_link_by_end on sso_mail_link (expires_at);

CREATE INDEX sso_mail_link_by_instance on sso_mail_link (instance_id);

CREATE INDEX sso_mail_link_by_user on sso_mail_link (user_id);

CREATE INDEX sso_operation_by_kind on sso_operation (instance_id, kind, created_at, id);

CREATE INDEX sso_operation_waiting on sso_operation (status, permission_set_id, account_id);

CREATE INDEX sso_password_ticket_by_end on sso_password_ticket (expires_at);

CREATE INDEX sso_password_ticket_by_instance on sso_password_ticket (instance_id);

CREATE INDEX sso_password_ticket_by_user on sso_password_ticket (user_id);

CREATE INDEX sso_permission_set_by_instance on sso_permission_set (instance_id, created_at, id);

CREATE UNIQUE INDEX sso_permission_set_by_name on sso_permission_set (instance_id, name);

CREATE INDEX sso_provisioned_by_instance on sso_provisioned (instance_id);

CREATE INDEX sso_provisioned_by_permission_set on sso_provisioned (permission_set_id, account_id);

CREATE INDEX sso_provisioned_due on sso_provisioned (due_at, account_id, permission_set_id);

CREATE INDEX sso_refresh_token_by_session on sso_refresh_token (session_id);

CREATE UNIQUE INDEX sso_session_by_cookie on sso_session (cookie_hash);

CREATE INDEX sso_session_by_end on sso_session (expires_at);

CREATE INDEX sso_session_by_instance on sso_session (instance_id);

CREATE INDEX sso_session_by_parent on sso_session (parent_id);

CREATE INDEX sso_session_by_user on sso_session (user_id, created_at, id);

CREATE UNIQUE INDEX sso_trusted_token_issuer_by_client_token on sso_trusted_token_issuer (account_id, client_token);

CREATE INDEX sso_trusted_token_issuer_by_instance on sso_trusted_token_issuer (instance_id, created_at, id);
