// People of a domain: they sign in with the name and the password that they have in Active Directory, in a real browser and
// with the AWS CLI, and what they may do comes from a group that they are in through other groups.
//
//     VESTIBULE_TEST_AD=<file> node active_directory.mjs <program>

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import {
  ROLE,
  account,
  day,
  eventually,
  inspect,
  login,
  outcome,
  personOf,
  run,
  secondAws,
  show,
  signIn,
  submitSignIn,
  throughAwsHosts,
} from "./journey.mjs";

const FRESH = "Fresh-Passw0rd-2";

/** The lines `NAME='value'` of the file that says where the domain controller is. */
function controller() {
  const lines = fs.readFileSync(process.env.VESTIBULE_TEST_AD, "utf8").matchAll(/^(\w+)='(.*)'$/gm);
  return Object.fromEntries([...lines].map(([, name, value]) => [name, value]));
}

/** A directory that is connected to the domain, as the people's source. */
async function connect(server, domain) {
  const name = domain.AD_REALM.toLowerCase();
  const dns = new URL(domain.AD_LDAP_URL).hostname;
  const settings = `VpcId=vpc-11111111,SubnetIds=subnet-11111111,subnet-22222222,CustomerDnsIps=${dns},CustomerUserName=svc-idp`;
  const words = ["ds", "connect-directory", "--name", name, "--short-name", domain.AD_NB, "--size", "Small"];
  const secret = ["--password", domain.AD_SVC_PW];
  const { DirectoryId: id } = await server.aws(...words, ...secret, "--connect-settings", settings);
  const certificate = ["--certificate-data", `file://${domain.AD_CA}`];
  await server.aws("ds", "register-certificate", "--directory-id", id, "--type", "ClientLDAPS", ...certificate);
  await eventually("the directory", async () => {
    const { DirectoryDescriptions: found } = await server.aws("ds", "describe-directories", "--directory-ids", id);
    assert.notEqual(found[0].Stage, "Failed", found[0].StageReason);
    return found[0].Stage === "Active";
  });
  await server.vestibule("identity-center", "set-identity-source", "--active-directory", id, "--accept");
}

/** A role for everybody in a group, which alice is in through two others. */
async function prepare(server, domain) {
  await server.aws("organizations", "create-organization", "--feature-set", "ALL");
  const one = await account(server, "one");
  await server.vestibule("identity-center", "enable");
  await connect(server, domain);
  await server.vestibule("identity-center", "sync", "add", "--group", "all-staff");
  await server.vestibule("identity-center", "sync", "run");
  const [instance] = (await server.aws("sso-admin", "list-instances")).Instances;
  const store = ["--identity-store-id", instance.IdentityStoreId];
  const group = await eventually("the group", async () => {
    const { Groups: groups } = await server.aws("identitystore", "list-groups", ...store);
    return groups.find(({ DisplayName: name }) => name.startsWith("all-staff"));
  });
  const of = ["--instance-arn", instance.InstanceArn];
  const made = await server.aws("sso-admin", "create-permission-set", ...of, "--name", ROLE);
  const it = [...of, "--permission-set-arn", made.PermissionSet.PermissionSetArn];
  const reader = ["--managed-policy-arn", "arn:aws:iam::aws:policy/ReadOnlyAccess"];
  await server.aws("sso-admin", "attach-managed-policy-to-permission-set", ...it, ...reader);
  const target = ["--target-type", "AWS_ACCOUNT", "--target-id", one, "--principal-type", "GROUP", "--principal-id", group.GroupId];
  await server.aws("sso-admin", "create-account-assignment", ...it, ...target);
  const refused = await server.aws("identitystore", "create-group", ...store, "--display-name", "own").catch((error) => error.stderr);
  assert.match(refused, /ValidationException/, "people of a directory are changed there");
  return { one, store: instance.IdentityStoreId };
}

async function changePassword(domain, user, password) {
  const settings = path.join(path.dirname(path.dirname(domain.AD_CA)), "etc", "smb.conf");
  await run("samba-tool", ["user", "setpassword", user, `--newpassword=${password}`, "-s", settings]);
}

async function signsIn(server, page, name, password) {
  await page.goto(`${server.endpoint}/start`);
  await signIn(page, password, name);
}

async function signOut(server, page) {
  await page.goto(`${server.endpoint}/signout`);
  await page.getByRole("button", { name: /sign out/i }).first().click();
}

const WRONG = /User name or password is wrong\./;
const CHANGE = /Your password must be changed before you can sign in\./;
const NOT_POSSIBLE = /Signing in is not possible at present\./;

/** Each state of an account: what the person sees, and what the audit trail tells administrators. */
const STATES = [
  ["dan", WRONG, "UserDisabled"],
  ["mona", CHANGE, "PasswordMustChange"],
  ["pete", CHANGE, "PasswordExpired"],
  ["ed", WRONG, "AccountExpired"],
  ["larry", WRONG, "AccountLocked"],
  ["hank", WRONG, "OutsideLogonHours"],
  ["erin", WRONG, "UserNotSynchronized"],
  ["no*body)(cn=*", WRONG, "UserNotFound"],
];

/** The failures to sign in that the audit trail has, the newest first: whose, and why. */
async function failures(server) {
  const words = ["cloudtrail", "lookup-events", "--lookup-attributes", "AttributeKey=EventName,AttributeValue=CredentialVerification"];
  const { Events: events } = await server.aws(...words);
  const records = events.map(({ CloudTrailEvent: text }) => JSON.parse(text));
  const failed = records.filter((record) => record.serviceEventDetails.CredentialVerification === "Failure");
  return failed.map(({ userIdentity, additionalEventData }) => [userIdentity.userName, additionalEventData.FailureReason]);
}

/** Nobody gets in whose account or password does not allow it, and nobody learns too much. */
async function states(server, domain, { store }) {
  const more = ["mona", "pete", "ed", "larry", "hank"];
  for (const name of more) await server.vestibule("identity-center", "sync", "add", "--user", name);
  await eventually("the synchronization", async () => {
    const { Users: users } = await server.aws("identitystore", "list-users", "--identity-store-id", store);
    return more.every((name) => users.some(({ UserName: user }) => user.startsWith(`${name}@`)));
  });
  const before = (await failures(server)).length;
  for (const [name, text] of STATES) {
    const answer = await submitSignIn(server, name, domain.AD_USER_PW);
    assert.equal(answer.status, 200, `${name}: ${answer.message}`);
    assert.match(answer.message, text, name);
    assert.ok(!answer.headers["set-cookie"].some((cookie) => cookie.includes("session")), `${name} is signed in`);
  }
  const told = await eventually("the audit trail", async () => {
    const all = await failures(server);
    return all.length === before + STATES.length && all.slice(0, STATES.length).reverse();
  });
  assert.deepEqual(told.map(([, reason]) => reason), STATES.map(([, , reason]) => reason));
  assert.ok(told[0][0].startsWith("dan@") && told.at(-1)[0] === "HIDDEN_DUE_TO_SECURITY_REASONS", JSON.stringify(told));
}

/** Somebody who fails too often waits, from everywhere in the house, whoever it is and also after a restart. */
async function guessing(server, domain) {
  const guesser = "127.0.0.66";
  for (let number = 0; number < 50; number += 1) {
    const { status } = await submitSignIn(server, `nobody-${number}`, "wrong", guesser);
    assert.equal(status, 200, `attempt ${number}`);
  }
  const blocked = async () => (await submitSignIn(server, "dave", domain.AD_USER_PW, guesser)).status;
  assert.equal(await blocked(), 429);
  assert.equal((await submitSignIn(server, "dave", domain.AD_USER_PW)).status, 303, "others are let in");
  await server.restart("--log", "warn");
  assert.equal(await blocked(), 429, "after a restart");
}

/** While no controller answers nobody signs in, and whoever was signed in stays so. */
async function unreachable(server, domain) {
  const signedIn = await submitSignIn(server, "dave", domain.AD_USER_PW);
  const cookie = signedIn.headers["set-cookie"].map((each) => each.split(";")[0]).join("; ");
  const nowhere = `${domain.AD_REALM.toLowerCase()}=${domain.AD_FQDN}@127.9.9.9`;
  await server.restart("--log", "error", "--directory-controllers", nowhere, "--directory-connect-seconds", "1");
  const answer = await submitSignIn(server, "dave", domain.AD_USER_PW);
  assert.equal(answer.status, 503);
  assert.match(answer.message, NOT_POSSIBLE);
  assert.match((await show(server, "/start", cookie)).text, /Your AWS accounts/);
  const [[, reason]] = await failures(server);
  assert.equal(reason, "DirectoryUnreachable");
}

await day("active_directory", async (server, page) => {
  const domain = controller();
  const facts = await prepare(server, domain);
  for (const name of ["alice", `${domain.AD_NB}\\alice`, `alice@${domain.AD_REALM.toLowerCase()}`]) {
    await signsIn(server, page, name, domain.AD_USER_PW);
    await page.getByRole("heading", { name: "Your AWS accounts" }).waitFor();
    await page.locator(`button[value="${facts.one}/${ROLE}"]`).waitFor();
    await signOut(server, page);
  }
  await inspect(page);
  await changePassword(domain, "alice", FRESH);
  await signsIn(server, page, "alice", domain.AD_USER_PW);
  await page.getByText("User name or password is wrong.").waitFor();
  await signsIn(server, page, "alice", FRESH);
  await page.getByRole("heading", { name: "Your AWS accounts" }).waitFor();
  await inspect(page);
  const { person } = personOf("home", facts, throughAwsHosts(server));
  await login(page, secondAws, ["sso", "login", "--no-browser"], person, "Approve");
  const identity = JSON.parse(await outcome(secondAws, ["sts", "get-caller-identity", "--output", "json"], person));
  assert.match(identity.Arn, new RegExp(`AWSReservedSSO_${ROLE}_[0-9a-f]{16}/alice@${domain.AD_REALM.toLowerCase()}$`));
  await changePassword(domain, "alice", domain.AD_USER_PW);
  await states(server, domain, facts);
  await guessing(server, domain);
  await unreachable(server, domain);
});
