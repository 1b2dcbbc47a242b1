// A person's first day, in a real browser and with real clients: signs in with a password that must be changed, sees the
// accounts and roles that were assigned, takes keys, lets the AWS CLI in by its code, is denied by a service control policy,
// and is out when the assignment goes. Every page is looked at by axe and every answer must carry the content policy.
//
//     node sign_in.mjs <program>
//
// VESTIBULE_TEST_AWS_NEWEST names a further AWS CLI, newer than distributions have: it signs in by authorization code with
// PKCE and by device code, without the listener.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import axe from "axe-core";
import { chromium } from "playwright-core";

const run = promisify(execFile);
const WAIT_MS_MAX = 60_000;
const ROLE = "Reader";
const PASSWORD = "Correct-Horse-42-Battery";

const program = path.resolve(process.argv[2]);
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), "vestibule-browser-"));
const firstAws = process.env.VESTIBULE_TEST_AWS;
const secondAws = process.env.VESTIBULE_TEST_AWS_V2 ?? "/usr/bin/aws";
const python = path.join(path.dirname(firstAws), "python");
const pages = new Set();

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = net.createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

async function eventually(what, condition) {
  const deadline = Date.now() + WAIT_MS_MAX;
  for (;;) {
    const found = await condition();
    if (found) return found;
    assert.ok(Date.now() < deadline, `not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function plainEnvironment() {
  const names = Object.keys(process.env).filter((name) => !/^(AWS|VESTIBULE|BOTO)_?/.test(name));
  return Object.fromEntries(names.map((name) => [name, process.env[name]]));
}

class Server {
  static async start() {
    const server = new Server();
    const [port, hosts] = [await freePort(), await freePort()];
    server.endpoint = `http://127.0.0.1:${port}`;
    server.proxy = `http://127.0.0.1:${hosts}`;
    server.data = path.join(scratch, "data");
    const words = ["serve", "--data", server.data, "--listen", `127.0.0.1:${port}`, "--aws-hosts", `127.0.0.1:${hosts}`];
    server.process = spawn(program, [...words, "--log", "warn"], { env: plainEnvironment(), stdio: ["ignore", "ignore", "inherit"] });
    process.once("exit", () => server.process.kill());
    server.ended = new Promise((resolve) => server.process.once("exit", (code) => resolve(code)));
    await eventually("the server", () => fetch(`${server.endpoint}/readyz`).then((answer) => answer.ok, () => false));
    return server;
  }

  /** What the administrator's clients need. */
  environment() {
    const aws = path.join(this.data, "aws");
    return {
      ...plainEnvironment(),
      AWS_CONFIG_FILE: path.join(aws, "config"),
      AWS_SHARED_CREDENTIALS_FILE: path.join(aws, "credentials"),
      AWS_PROFILE: "vestibule",
      AWS_PAGER: "",
    };
  }

  async aws(...words) {
    const { stdout } = await run(firstAws, [...words, "--output", "json"], { env: this.environment() });
    return stdout ? JSON.parse(stdout) : null;
  }

  async vestibule(...words) {
    const { stdout } = await run(program, words, { env: this.environment() });
    return stdout;
  }

  async stop() {
    this.process.kill("SIGTERM");
    return this.ended;
  }
}

async function account(server, name) {
  const asked = await server.aws("organizations", "create-account", "--email", `${name}@example.com`, "--account-name", name);
  const request = asked.CreateAccountStatus.Id;
  return eventually(`account ${name}`, async () => {
    const words = ["organizations", "describe-create-account-status", "--create-account-request-id", request];
    return (await server.aws(...words)).CreateAccountStatus.AccountId;
  });
}

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

/** A page whose every document is checked. */
async function openBrowser() {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
  const context = await browser.newContext();
  const page = await context.newPage();
  page.on("response", (response) => {
    // The answer to a CLI's own callback is the CLI's.
    if (response.request().resourceType() !== "document" || response.url().includes("/oauth/callback")) return;
    const policy = response.headers()["content-security-policy"] ?? "";
    assert.match(policy, /default-src 'none'/, `${response.url()} has no content policy`);
    assert.doesNotMatch(policy, /unsafe/, `${response.url()} allows unsafe content`);
  });
  page.on("console", (message) => {
    if (page.url().includes("/oauth/callback")) return;
    assert.notEqual(message.type(), "error", `${page.url()}: ${message.text()}`);
  });
  page.on("pageerror", (error) => assert.fail(`${page.url()}: ${error}`));
  return { browser, page };
}

/** No violation on the page as it is, in light and in dark, wide and narrow. */
async function inspect(page) {
  pages.add(await page.title());
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    for (const width of [1280, 360]) {
      await page.setViewportSize({ width, height: 800 });
      // The content policy keeps scripts out of pages; axe is put into an isolated world of the browser's own.
      const client = await page.context().newCDPSession(page);
      const { frameTree } = await client.send("Page.getFrameTree");
      const world = await client.send("Page.createIsolatedWorld", { frameId: frameTree.frame.id });
      const contextId = world.executionContextId;
      await client.send("Runtime.evaluate", { expression: axe.source, contextId });
      const { result } = await client.send("Runtime.evaluate", {
        expression: "axe.run().then((r) => JSON.stringify(r.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(' ')}`)))",
        contextId,
        awaitPromise: true,
        returnByValue: true,
      });
      assert.equal(result.value, "[]", `${page.url()} in ${colorScheme} at ${width} px`);
      const { result: overflow } = await client.send("Runtime.evaluate", {
        expression: "document.documentElement.scrollWidth > document.documentElement.clientWidth",
        contextId,
        returnByValue: true,
      });
      assert.equal(overflow.value, false, `${page.url()} is wider than ${width} px`);
      await client.detach();
    }
  }
}

async function signIn(page, password) {
  await page.getByLabel("User name").fill("alice");
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
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

async function outcome(program, words, env) {
  return run(program, words, { env: { ...plainEnvironment(), AWS_REGION: "us-east-1", AWS_DEFAULT_REGION: "us-east-1", AWS_PAGER: "", ...env } }).then(
    ({ stdout }) => stdout,
    (error) => error.stderr,
  );
}

/** Starts `aws sso login`, approves it in the browser, and waits for its end. */
async function login(page, program, words, env, approve) {
  const cli = spawn(program, words, { env: { ...plainEnvironment(), AWS_PAGER: "", ...env }, stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  for (const stream of [cli.stdout, cli.stderr]) stream.on("data", (data) => (text += data));
  const ended = new Promise((resolve) => cli.once("exit", resolve));
  const stop = setTimeout(() => cli.kill(), WAIT_MS_MAX);
  const url = await eventually("the address to open", () => text.match(/https?:\/\/\S+user_code=\S+|https?:\/\/\S+\/authorize\?\S+/)?.[0]);
  await page.goto(url);
  await inspect(page);
  await page.getByRole("button", { name: approve }).click();
  const code = await ended;
  clearTimeout(stop);
  assert.equal(code, 0, text);
}

function profile(file, { store, one }, more = "") {
  const text = `[profile person]\nsso_session = company\nsso_account_id = ${one}\nsso_role_name = ${ROLE}\nregion = us-east-1\n${more}
[sso-session company]\nsso_start_url = https://${store}.awsapps.com/start\nsso_region = us-east-1\nsso_registration_scopes = sso:account:access\n`;
  fs.writeFileSync(file, text);
}

/** The AWS CLI of the distribution knows no endpoint settings: it comes through the listener for AWS's host names. */
async function logsTheSecondCliIn(server, page, facts) {
  const home = path.join(scratch, "home");
  fs.mkdirSync(home);
  const config = path.join(home, "config");
  profile(config, facts);
  const person = {
    HOME: home,
    AWS_CONFIG_FILE: config,
    AWS_PROFILE: "person",
    HTTPS_PROXY: server.proxy,
    AWS_CA_BUNDLE: path.join(server.data, "aws-hosts-ca.pem"),
  };
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
}

async function logsTheNewestCliIn(server, page, facts, program) {
  for (const [name, words, approve] of [
    ["code", [], "Allow"],
    ["device", ["--use-device-code"], "Approve"],
  ]) {
    const home = path.join(scratch, `newest-${name}`);
    fs.mkdirSync(home);
    const config = path.join(home, "config");
    profile(config, facts);
    const person = { HOME: home, AWS_CONFIG_FILE: config, AWS_PROFILE: "person", AWS_ENDPOINT_URL: server.endpoint };
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
  for (const place of ["/start/profiles", "/start/sessions", "/device", "/signout", "/console", "/authorize"]) {
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

const server = await Server.start();
const { browser, page } = await openBrowser();
try {
  const facts = await prepare(server);
  await firstSignIn(server, page);
  await seesWhatIsAssigned(page, facts.one);
  const keys = await takesKeys(page, facts.one);
  const cli = await logsTheSecondCliIn(server, page, facts);
  await otherClientsUseTheToken(server, cli, facts);
  const newest = process.env.VESTIBULE_TEST_AWS_NEWEST;
  if (newest) await logsTheNewestCliIn(server, page, facts, newest);
  await isDeniedByAPolicy(server, keys, facts.one);
  await pausesWithoutTrustedAccess(server, page, keys, facts);
  await losesAccess(server, page, keys, facts, cli.person);
  await looksAtTheRest(server, page);
  console.log(`sign_in: ${pages.size} pages without a violation: ${[...pages].join(", ")}`);
} finally {
  await browser.close();
  const code = await server.stop();
  fs.rmSync(scratch, { recursive: true, force: true });
  assert.equal(code, 0, "the server ended otherwise");
}
