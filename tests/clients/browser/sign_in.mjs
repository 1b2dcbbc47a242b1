// A person's first day, in a real browser and with real clients: signs in with a password that must be changed, sees the
// accounts and roles that were assigned, takes keys, lets the AWS CLI in by its code, is denied by a service control policy,
// and is out when the assignment goes. A second person is invited by mail, forgets the password and gets another, by links
// out of the outbox. Every page is looked at by axe and every answer must carry the content policy.
//
//     node sign_in.mjs <program>
//
// VESTIBULE_TEST_AWS_NEWEST names a further AWS CLI, newer than distributions have: it signs in by authorization code with
// PKCE and by device code, without the listener.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import {
  PASSWORD, ROLE, account, day, eventually, firstAws, inspect, login, outcome, personOf, program, scratch, secondAws, signIn, throughAwsHosts,
} from "./journey.mjs";

const python = path.join(path.dirname(firstAws), "python");

/** An organization with two accounts, in one of which alice may read. */
async function prepare(server) {
  await server.aws("organizations", "create-organization", "--feature-set", "ALL");
  const one = await account(server, "one");
  await account(server, "two");
  await server.vestibule("identity-center", "enable");
  const [instance] = (await server.aws("sso-admin", "list-instances")).Instances;
  const store = ["--identity-store-id", instance.IdentityStoreId];
  const name = ["--user-name", "alice", "--display-name", "Alice Example", "--name", "GivenName=Alice,FamilyName=Example"];
  const { UserId: alice } = await server.aws("identitystore", "create-user", ...store, ...name);
  const of = ["--instance-arn", instance.InstanceArn];
  const made = await server.aws("sso-admin", "create-permission-set", ...of, "--name", ROLE, "--session-duration", "PT1H");
  const it = [...of, "--permission-set-arn", made.PermissionSet.PermissionSetArn];
  const reader = ["--managed-policy-arn", "arn:aws:iam::aws:policy/ReadOnlyAccess"];
  await server.aws("sso-admin", "attach-managed-policy-to-permission-set", ...it, ...reader);
  const target = ["--target-type", "AWS_ACCOUNT", "--target-id", one, "--principal-type", "USER", "--principal-id", alice];
  const assigned = await server.aws("sso-admin", "create-account-assignment", ...it, ...target);
  const request = ["--account-assignment-creation-request-id", assigned.AccountAssignmentCreationStatus.RequestId];
  await eventually("the assignment", async () => {
    const words = ["sso-admin", "describe-account-assignment-creation-status", ...of, ...request];
    const { AccountAssignmentCreationStatus: status } = await server.aws(...words);
    assert.notEqual(status.Status, "FAILED", status.FailureReason);
    return status.Status === "SUCCEEDED";
  });
  return { one, store: instance.IdentityStoreId, of, it, unassign: [...it, ...target] };
}

async function firstSignIn(server, page) {
  const given = await server.vestibule("user", "set-password", "alice", "--one-time", "--json");
  const oneTime = JSON.parse(given).OneTimePassword;
  await page.goto(`${server.endpoint}/start`);
  await inspect(page);
  await signIn(page, "Wrong-Horse-42-Battery");
  await page.getByText("User name or password is wrong.").waitFor();
  await inspect(page);
  await signIn(page, oneTime);
  await page.getByRole("heading", { level: 1 }).waitFor();
  await inspect(page);
  for (const field of await page.locator("input[type=password]").all()) await field.fill(PASSWORD);
  await page.locator("main form button[type=submit]").first().click();
  await page.getByRole("heading", { name: "Your AWS accounts" }).waitFor();
}

async function seesWhatIsAssigned(page, one) {
  await inspect(page);
  assert.equal(await page.locator("[data-own]").count(), 1, "one account is assigned");
  assert.match(await page.locator("[data-own]").innerText(), new RegExp(one));
  assert.equal(await page.locator("[data-role]").count(), 1, "one role is assigned");
}

async function takesKeys(page, one) {
  await page.locator(`button[value="${one}/${ROLE}"]`).click();
  await page.getByRole("heading", { name: `Access keys for ${ROLE}` }).waitFor();
  await inspect(page);
  const json = await page.locator('code[data-copy="the JSON"]').textContent();
  const { AccessKeyId, SecretAccessKey, SessionToken } = JSON.parse(json);
  return { AWS_ACCESS_KEY_ID: AccessKeyId, AWS_SECRET_ACCESS_KEY: SecretAccessKey, AWS_SESSION_TOKEN: SessionToken };
}

/** A role is opened from the portal: who one is there, switching roles, and out again. */
async function opensTheConsole(server, page, one) {
  await page.goto(`${server.endpoint}/start`);
  await page.getByRole("link", { name: `Console as ${ROLE}` }).click();
  await page.getByRole("heading", { name: "You are in the console" }).waitFor();
  await page.getByText(new RegExp(`^arn:aws:sts::${one}:assumed-role/AWSReservedSSO_${ROLE}_[0-9a-f]{16}/alice$`)).waitFor();
  await inspect(page);
  await page.goto(`${server.endpoint}/start#/console?account_id=${one}&role_name=${ROLE}&destination=${encodeURIComponent("https://console.aws.amazon.com/iam/home")}`);
  await page.getByText("https://console.aws.amazon.com/iam/home").waitFor();
  await inspect(page);
  await page.getByRole("link", { name: "Switch role" }).click();
  await page.getByLabel("Account ID or account alias").fill(one);
  await page.getByLabel("IAM role name").fill("OrganizationAccountAccessRole");
  await inspect(page);
  const noise = page.listeners("console");
  page.removeAllListeners("console");
  await page.getByRole("button", { name: "Switch role" }).click();
  await page.getByText("is not authorized to perform: sts:AssumeRole").waitFor();
  for (const listener of noise) page.on("console", listener);
  await inspect(page);
  await page.goto(`${server.endpoint}/console`);
  await page.getByRole("button", { name: "Sign out of the console" }).click();
  await page.getByRole("heading", { name: "Sign in to the console" }).waitFor();
  await inspect(page);
}

/** The administrator's own user signs in to the console, switches roles, and lets the newest AWS CLI in. */
async function theAdministratorUsesTheConsole(server, page, one, newest) {
  const { admin, management_account_id: management } = JSON.parse(fs.readFileSync(path.join(server.data, "bootstrap.json"), "utf8"));
  await page.goto(`${server.endpoint}/console`);
  await page.getByLabel("Account ID or account alias").fill(management);
  await page.getByLabel("User name").fill(admin.user_name);
  await page.getByLabel("Password").fill(admin.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText(`arn:aws:iam::${management}:user/${admin.user_name}`).waitFor();
  await page.goto(`${server.endpoint}/switchrole?account=${one}&roleName=OrganizationAccountAccessRole&displayName=one&color=99BCE3`);
  await page.getByRole("button", { name: "Switch role" }).click();
  await page.getByText(`arn:aws:sts::${one}:assumed-role/OrganizationAccountAccessRole/${admin.user_name}`).waitFor();
  await inspect(page);
  await page.getByRole("button", { name: "Switch back" }).click();
  await page.getByText(`arn:aws:iam::${management}:user/${admin.user_name}`).first().waitFor();
  if (newest) {
    const home = path.join(scratch, "login");
    fs.mkdirSync(home);
    const person = {
      HOME: home,
      AWS_CONFIG_FILE: path.join(home, "config"),
      AWS_REGION: "us-east-1",
      AWS_ENDPOINT_URL: server.endpoint,
      AWS_PROFILE: "console",
      BROWSER: "/bin/true",
    };
    await login(page, newest, ["login"], person, "Allow");
    const identity = JSON.parse(await outcome(newest, ["sts", "get-caller-identity", "--output", "json"], person));
    assert.equal(identity.Arn, `arn:aws:iam::${management}:user/${admin.user_name}`);
  }
  await page.goto(`${server.endpoint}/console`);
  await page.getByRole("button", { name: "Sign out of the console" }).click();
}

/** The AWS CLI of the distribution knows no endpoint settings: it comes through the listener for AWS's host names. */
async function logsTheSecondCliIn(server, page, facts) {
  const { home, person } = personOf("home", facts, throughAwsHosts(server));
  await login(page, secondAws, ["sso", "login", "--no-browser"], person, "Approve");
  await inspect(page);
  const identity = JSON.parse(await outcome(secondAws, ["sts", "get-caller-identity", "--output", "json"], person));
  assert.match(identity.Arn, new RegExp(`^arn:aws:sts::${facts.one}:assumed-role/AWSReservedSSO_${ROLE}_[0-9a-f]{16}/alice$`));
  return { home, identity, person };
}

/** Other clients take the token that the CLI left. */
async function otherClientsUseTheToken(server, { home, identity }, facts) {
  const config = path.join(home, "config");
  const person = { HOME: home, AWS_CONFIG_FILE: config, AWS_PROFILE: "person", AWS_ENDPOINT_URL: server.endpoint };
  const inPython = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])";
  assert.equal((await outcome(python, ["-c", inPython], person)).trim(), identity.Arn, "boto3");
  const inNode = `
    import { STSClient, GetCallerIdentityCommand } from "@aws-sdk/client-sts";
    import { fromSSO } from "@aws-sdk/credential-providers";
    const sts = new STSClient({ credentials: fromSSO({ profile: "person" }) });
    console.log((await sts.send(new GetCallerIdentityCommand({}))).Arn);`;
  const script = path.join(import.meta.dirname, "identity.generated.mjs");
  fs.writeFileSync(script, inNode);
  try {
    assert.equal((await outcome(process.execPath, [script], person)).trim(), identity.Arn, "the JavaScript SDK");
  } finally {
    fs.rmSync(script);
  }
  assert.match(await outcome(firstAws, ["sts", "get-caller-identity", "--output", "json"], person), new RegExp(facts.one));
  // The Rust SDK's provider asks for the addresses of these services only by their own names.
  const services = { AWS_ENDPOINT_URL_SSO: server.endpoint, AWS_ENDPOINT_URL_SSO_OIDC: server.endpoint };
  const inRust = path.join(path.dirname(program), "examples", "identity");
  assert.equal((await outcome(inRust, [], { ...person, ...services })).trim(), identity.Arn, "the Rust SDK");
}

async function logsTheNewestCliIn(server, page, facts, program) {
  for (const [name, words, approve] of [
    ["code", [], "Allow"],
    ["device", ["--use-device-code"], "Approve"],
  ]) {
    const { person } = personOf(`newest-${name}`, facts, { AWS_ENDPOINT_URL: server.endpoint });
    await login(page, program, ["sso", "login", "--no-browser", ...words], person, approve);
    const identity = JSON.parse(await outcome(program, ["sts", "get-caller-identity", "--output", "json"], person));
    assert.match(identity.Arn, /AWSReservedSSO_Reader_[0-9a-f]{16}\/alice$/);
    assert.equal(await outcome(program, ["sso", "logout"], person), "");
  }
}

async function isDeniedByAPolicy(server, keys, one) {
  const person = { ...keys, AWS_ENDPOINT_URL: server.endpoint };
  const list = ["iam", "list-roles", "--max-items", "1", "--output", "json"];
  assert.match(await outcome(firstAws, list, person), /"Roles"/);
  assert.match(await outcome(firstAws, ["iam", "create-user", "--user-name", "x"], person), /AccessDenied.*no identity-based policy allows/s);
  const [root] = (await server.aws("organizations", "list-roots")).Roots;
  const kind = ["--policy-type", "SERVICE_CONTROL_POLICY"];
  if (!root.PolicyTypes.some((type) => type.Status === "ENABLED")) {
    await server.aws("organizations", "enable-policy-type", "--root-id", root.Id, ...kind);
  }
  const content = JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Deny", Action: "iam:ListRoles", Resource: "*" }] });
  const named = ["--name", "guard", "--description", "guard", "--type", "SERVICE_CONTROL_POLICY", "--content", content];
  const { Policy: policy } = await server.aws("organizations", "create-policy", ...named);
  const to = ["--policy-id", policy.PolicySummary.Id, "--target-id", one];
  await server.aws("organizations", "attach-policy", ...to);
  assert.match(await outcome(firstAws, list, person), /AccessDenied.*explicit deny in a service control policy/s);
  await server.aws("organizations", "detach-policy", ...to);
  assert.match(await outcome(firstAws, list, person), /"Roles"/);
}

/** What must be the same after trusted access was off for a while. */
async function snapshot(server, { one, of, it }) {
  const role = `arn:aws:iam::${one}:role/OrganizationAccountAccessRole`;
  const { Credentials: inside } = await server.aws("sts", "assume-role", "--role-arn", role, "--role-session-name", "me");
  const member = {
    AWS_ENDPOINT_URL: server.endpoint,
    AWS_ACCESS_KEY_ID: inside.AccessKeyId,
    AWS_SECRET_ACCESS_KEY: inside.SecretAccessKey,
    AWS_SESSION_TOKEN: inside.SessionToken,
  };
  const inMember = async (...words) => JSON.parse(await outcome(firstAws, [...words, "--output", "json"], member));
  return {
    instances: await server.aws("sso-admin", "list-instances"),
    sets: await server.aws("sso-admin", "list-permission-sets", ...of),
    assignments: await server.aws("sso-admin", "list-account-assignments", ...it, "--account-id", one),
    roles: (await inMember("iam", "list-roles", "--path-prefix", "/aws-reserved/")).Roles,
    providers: await inMember("iam", "list-saml-providers"),
    linked: await inMember("iam", "get-role", "--role-name", "AWSServiceRoleForSSO"),
  };
}

/** Without trusted access the service stops and everything stays; with it, it goes on as if nothing had been. */
async function pausesWithoutTrustedAccess(server, page, keys, facts) {
  const person = { ...keys, AWS_ENDPOINT_URL: server.endpoint };
  const service = ["--service-principal", "sso.amazonaws.com"];
  const before = await snapshot(server, facts);
  await server.aws("organizations", "disable-aws-service-access", ...service);
  await page.goto(`${server.endpoint}/start`);
  await page.getByText("Your accounts cannot be reached at present").waitFor();
  await inspect(page);
  assert.match(await outcome(firstAws, ["sts", "get-caller-identity"], person), /alice/, "keys run until they end");
  const refused = await server.aws("sso-admin", "create-account-assignment", ...facts.unassign).catch((error) => error.stderr);
  assert.match(refused, /AccessDeniedException.*trusted access is disabled/s);
  assert.deepEqual((await snapshot(server, facts)).roles, before.roles, "the roles stay");
  await server.aws("organizations", "enable-aws-service-access", ...service);
  assert.deepEqual(await snapshot(server, facts), before, "nothing had to be configured again");
  await page.goto(`${server.endpoint}/start`);
  await page.locator(`button[value="${facts.one}/${ROLE}"]`).waitFor();
}

async function losesAccess(server, page, keys, facts, person) {
  const before = { ...keys, AWS_ENDPOINT_URL: server.endpoint };
  await server.aws("sso-admin", "delete-account-assignment", ...facts.unassign);
  const refused = await outcome(firstAws, ["sts", "get-caller-identity"], before);
  assert.match(refused, /InvalidClientTokenId|ExpiredToken/, "keys that were given out end with the assignment");
  fs.rmSync(path.join(person.HOME, ".aws", "cli"), { recursive: true, force: true });
  assert.match(await outcome(secondAws, ["sts", "get-caller-identity"], person), /ForbiddenException/);
  await page.goto(`${server.endpoint}/start`);
  await page.getByText("Nothing is assigned to you yet").waitFor();
  await inspect(page);
}

async function looksAtTheRest(server, page) {
  for (const place of ["/start/profiles", "/start/sessions", "/device", "/signout", "/console", "/console/signin?as=root", "/authorize", "/v1/sessions/confirmation?code=c&state=s"]) {
    const noise = page.listeners("console");
    page.removeAllListeners("console");
    await page.goto(`${server.endpoint}${place}`);
    for (const listener of noise) page.on("console", listener);
    await inspect(page);
  }
  await page.goto(`${server.endpoint}/signout`);
  await page.getByRole("button", { name: /sign out/i }).first().click();
  await page.goto(`${server.endpoint}/start`);
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
}

/** The link in the newest mail to somebody. */
async function linkTo(server, recipient) {
  const { Messages: mails } = JSON.parse(await server.vestibule("outbox", "--json"));
  const mail = mails.filter((each) => each.Recipient === recipient).at(-1);
  return mail?.Body.match(/https?:\/\/\S+\?token=\S+/)?.[0];
}

async function setsPassword(page, password) {
  const button = "Set the password";
  await inspect(page);
  await page.getByLabel("New password", { exact: true }).fill("short-1A");
  await page.getByLabel("New password again").fill("Short-1A");
  await page.getByRole("button", { name: button }).click();
  await page.getByText("The two passwords differ.").waitFor();
  await inspect(page);
  await page.getByLabel("New password", { exact: true }).fill(password);
  await page.getByLabel("New password again").fill(password);
  await page.getByRole("button", { name: button }).click();
  await page.getByRole("heading", { name: "Your password is set" }).waitFor();
  await inspect(page);
  await page.getByRole("link", { name: "Sign in" }).click();
}

/** What the browser says of a page that is gone is no mistake of ours. */
async function withoutNoise(page, work) {
  const noise = page.listeners("console");
  page.removeAllListeners("console");
  await work();
  for (const listener of noise) page.on("console", listener);
}

/** Invited by mail, bob chooses a password; he forgets it, and chooses another by a link. */
async function isInvitedAndForgets(server, page, { store }) {
  const name = ["--user-name", "bob", "--display-name", "Bob Example", "--name", "GivenName=Bob,FamilyName=Example"];
  const mail = ["--emails", "Value=bob@example.com,Primary=true"];
  await server.aws("identitystore", "create-user", "--identity-store-id", store, ...name, ...mail);
  assert.match(await server.vestibule("user", "invite", "bob"), /bob@example\.com/);
  assert.match(await server.vestibule("user", "verify-email", "bob", "--status"), /not verified/);
  await page.goto(await linkTo(server, "bob@example.com"));
  await page.getByRole("heading", { name: "Accept the invitation" }).waitFor();
  await setsPassword(page, "First-Horse-42-Battery");
  await signIn(page, "First-Horse-42-Battery", "bob");
  await page.getByText("Nothing is assigned to you yet").waitFor();
  assert.match(await server.vestibule("user", "verify-email", "bob", "--status"), /is verified since/);

  await page.goto(`${server.endpoint}/signout`);
  await page.getByRole("button", { name: /sign out/i }).first().click();
  await page.goto(`${server.endpoint}/start`);
  await page.getByRole("link", { name: "Forgot password?" }).click();
  await inspect(page);
  await page.getByLabel("User name").fill("bob");
  await page.getByRole("button", { name: "Send the link" }).click();
  await page.getByRole("heading", { name: "Look into your mail" }).waitFor();
  await inspect(page);
  const link = await eventually("the mail", async () => {
    const found = await linkTo(server, "bob@example.com");
    return found?.includes("/signin/reset?") && found;
  });
  await page.goto(link);
  await setsPassword(page, "Second-Horse-42-Battery");
  await signIn(page, "First-Horse-42-Battery", "bob");
  await page.getByText("User name or password is wrong.").waitFor();
  await signIn(page, "Second-Horse-42-Battery", "bob");
  await page.getByText("Nothing is assigned to you yet").waitFor();
  await withoutNoise(page, async () => {
    await page.goto(link);
    await page.getByRole("heading", { name: "This link is no longer good" }).waitFor();
    await inspect(page);
  });

  await server.vestibule("user", "verify-email", "bob");
  await page.goto(await linkTo(server, "bob@example.com"));
  await inspect(page);
  await page.getByRole("button", { name: "Confirm" }).click();
  await page.getByRole("heading", { name: "Your e-mail address is confirmed" }).waitFor();
  await inspect(page);
}

await day("sign_in", async (server, page) => {
  const facts = await prepare(server);
  await firstSignIn(server, page);
  await seesWhatIsAssigned(page, facts.one);
  const keys = await takesKeys(page, facts.one);
  await opensTheConsole(server, page, facts.one);
  const cli = await logsTheSecondCliIn(server, page, facts);
  await otherClientsUseTheToken(server, cli, facts);
  const newest = process.env.VESTIBULE_TEST_AWS_NEWEST;
  if (newest) await logsTheNewestCliIn(server, page, facts, newest);
  await theAdministratorUsesTheConsole(server, page, facts.one, newest);
  await isDeniedByAPolicy(server, keys, facts.one);
  await pausesWithoutTrustedAccess(server, page, keys, facts);
  await losesAccess(server, page, keys, facts, cli.person);
  await looksAtTheRest(server, page);
  await isInvitedAndForgets(server, page, facts);
});
