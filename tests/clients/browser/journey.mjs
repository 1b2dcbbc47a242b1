// What the days of people have in common: a server, an administrator's clients, a browser that checks what it sees.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import fs from "node:fs";
import http from "node:http";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import axe from "axe-core";
import { chromium } from "playwright-core";

export const run = promisify(execFile);
export const ROLE = "Reader";
export const PASSWORD = "Correct-Horse-42-Battery";
const WAIT_MS_MAX = 60_000;

export const program = path.resolve(process.argv[2]);
export const scratch = fs.mkdtempSync(path.join(os.tmpdir(), "vestibule-browser-"));
export const firstAws = process.env.VESTIBULE_TEST_AWS;
export const secondAws = process.env.VESTIBULE_TEST_AWS_V2 ?? "/usr/bin/aws";
/** Titles of the pages that were looked at. */
export const pages = new Set();

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

export async function eventually(what, condition) {
  const deadline = Date.now() + WAIT_MS_MAX;
  for (;;) {
    const found = await condition();
    if (found) return found;
    assert.ok(Date.now() < deadline, `not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export function plainEnvironment() {
  const names = Object.keys(process.env).filter((name) => !/^(AWS|VESTIBULE|BOTO)_?/.test(name));
  return Object.fromEntries(names.map((name) => [name, process.env[name]]));
}

export class Server {
  static async start() {
    const server = new Server();
    const [port, hosts] = [await freePort(), await freePort()];
    server.endpoint = `http://127.0.0.1:${port}`;
    server.proxy = `http://127.0.0.1:${hosts}`;
    server.data = path.join(scratch, "data");
    server.words = ["serve", "--data", server.data, "--listen", `127.0.0.1:${port}`, "--aws-hosts", `127.0.0.1:${hosts}`];
    process.once("exit", () => server.process.kill());
    await server.begin("--log", "warn");
    return server;
  }

  async begin(...more) {
    this.process = spawn(program, [...this.words, ...more], { env: plainEnvironment(), stdio: ["ignore", "ignore", "inherit"] });
    this.ended = new Promise((resolve) => this.process.once("exit", (code) => resolve(code)));
    await eventually("the server", () => fetch(`${this.endpoint}/readyz`).then((answer) => answer.ok, () => false));
  }

  /** Ends the server and starts it on the same data, with other flags. */
  async restart(...more) {
    assert.equal(await this.stop(), 0, "the server ended otherwise");
    await this.begin(...more);
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

export async function account(server, name) {
  const asked = await server.aws("organizations", "create-account", "--email", `${name}@example.com`, "--account-name", name);
  const request = asked.CreateAccountStatus.Id;
  return eventually(`account ${name}`, async () => {
    const words = ["organizations", "describe-create-account-status", "--create-account-request-id", request];
    return (await server.aws(...words)).CreateAccountStatus.AccountId;
  });
}

/** A page whose every document is checked. */
export async function openBrowser() {
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
export async function inspect(page) {
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
      const { result: high } = await client.send("Runtime.evaluate", {
        expression: `[...document.querySelectorAll("thead th")].filter((cell) => {
          const { lineHeight, paddingTop, paddingBottom } = getComputedStyle(cell);
          return cell.clientHeight > 2.5 * parseFloat(lineHeight) + parseFloat(paddingTop) + parseFloat(paddingBottom);
        }).map((cell) => cell.textContent).join(", ")`,
        contextId,
        returnByValue: true,
      });
      assert.equal(high.value, "", `${page.url()} breaks the words of its table at ${width} px`);
      await client.detach();
    }
  }
}

export async function signIn(page, password, name = "alice") {
  await page.getByLabel("User name").fill(name);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
}

function request(endpoint, place, options, body) {
  return new Promise((resolve, reject) => {
    const sent = http.request(new URL(place, endpoint), options, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (data) => (text += data));
      answer.on("end", () => resolve({ status: answer.statusCode, headers: answer.headers, text }));
    });
    sent.once("error", reject);
    sent.end(body);
  });
}

/** Sends the sign-in form from an address of this machine, without a browser. The answer, with the cookies that it sets. */
export async function submitSignIn(server, name, password, localAddress = "127.0.0.1") {
  const form = await request(server.endpoint, "/signin", { localAddress });
  const csrf = form.text.match(/name="csrf" value="([^"]+)"/)[1];
  const cookie = form.headers["set-cookie"].map((each) => each.split(";")[0]).join("; ");
  const headers = { "content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin", cookie };
  const body = new URLSearchParams({ csrf, next: "/start", username: name, password }).toString();
  const answer = await request(server.endpoint, "/signin", { method: "POST", headers, localAddress }, body);
  return { ...answer, message: answer.text.match(/role="alert".*?<\/div>/s)?.[0].replaceAll(/<[^>]*>/g, "") ?? "" };
}

/** What a page shows to whoever has these cookies. */
export async function show(server, place, cookie) {
  return request(server.endpoint, place, { headers: { cookie } });
}

export async function outcome(program, words, env) {
  return run(program, words, { env: { ...plainEnvironment(), AWS_REGION: "us-east-1", AWS_DEFAULT_REGION: "us-east-1", AWS_PAGER: "", ...env } }).then(
    ({ stdout }) => stdout,
    (error) => error.stderr,
  );
}

/** Starts `aws sso login`, approves it in the browser, and waits for its end. */
export async function login(page, program, words, env, approve) {
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

function profile(file, { store, one }) {
  const text = `[profile person]\nsso_session = company\nsso_account_id = ${one}\nsso_role_name = ${ROLE}\nregion = us-east-1\n
[sso-session company]\nsso_start_url = https://${store}.awsapps.com/start\nsso_region = us-east-1\nsso_registration_scopes = sso:account:access\n`;
  fs.writeFileSync(file, text);
}

/** The home and the environment of a person whose AWS CLI has a profile for `facts`, and `more` in its environment. */
export function personOf(name, facts, more) {
  const home = path.join(scratch, name);
  fs.mkdirSync(home);
  const config = path.join(home, "config");
  profile(config, facts);
  return { home, person: { HOME: home, AWS_CONFIG_FILE: config, AWS_PROFILE: "person", ...more } };
}

/** What leads clients that know no endpoint settings to the listener for AWS's host names. */
export function throughAwsHosts(server) {
  return { HTTPS_PROXY: server.proxy, AWS_CA_BUNDLE: path.join(server.data, "aws-hosts-ca.pem") };
}

/** A day from the start of a server to its end. */
export async function day(name, pass) {
  const server = await Server.start();
  const { browser, page } = await openBrowser();
  try {
    await pass(server, page);
    console.log(`${name}: ${pages.size} pages without a violation: ${[...pages].join(", ")}`);
  } finally {
    await browser.close();
    const code = await server.stop();
    fs.rmSync(scratch, { recursive: true, force: true });
    assert.equal(code, 0, "the server ended otherwise");
  }
}
