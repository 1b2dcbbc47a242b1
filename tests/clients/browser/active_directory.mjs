// People of a domain: they sign in with the name and the password that they have in Active Directory, in a real browser and
// with the AWS CLI, and what they may do comes from a group that they are in through other groups.
//
//     VESTIBULE_TEST_AD=<file> node active_directory.mjs <program>

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { ROLE, account, day, eventually, inspect, login, outcome, profile, run, scratch, secondAws, signIn } from "./journey.mjs";

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
  const identity = JSON.parse(await outcome(secondAws, ["sts", "get-caller-identity", "--output", "json"], person));
  assert.match(identity.Arn, new RegExp(`AWSReservedSSO_${ROLE}_[0-9a-f]{16}/alice@${domain.AD_REALM.toLowerCase()}$`));
});
