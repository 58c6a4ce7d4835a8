// The playground in Chromium, under its strict policy: sign in, query, subscribe, send, and nothing from any other host.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import { DEADLINE, HTTP, ORIGIN, PASSWORD, WS, done, send, signIn, within } from './support.mjs';

const screenshot = process.argv[3];
const executablePath = [
  process.env.CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
].find((path) => path && existsSync(path));
assert.ok(executablePath, 'no browser found: install chromium, or set CHROMIUM to the path of one');

// A profile of its own comes with every launch.
const browser = await chromium.launch({
  executablePath,
  headless: true,
  timeout: 3 * DEADLINE,
  args: [
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
});
const elsewhere = [];
const complaints = [];

/** A browser context with the playground open and `login` signed in, through the bar. */
async function playground(login) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  context.setDefaultTimeout(DEADLINE);
  const ours = (url) => ['data:', 'blob:'].includes(new URL(url).protocol) || [ORIGIN, new URL(WS).origin].includes(new URL(url).origin);
  context.on('request', (request) => ours(request.url()) || elsewhere.push(request.url()));
  context.on('requestfailed', (request) => complaints.push(`${request.url()}: ${request.failure()?.errorText}`));
  context.on('response', (response) => response.status() < 400 || complaints.push(`${response.url()}: ${response.status()}`));
  context.on('console', (line) => ['error', 'warning'].includes(line.type()) && complaints.push(line.text()));
  context.on('weberror', (error) => complaints.push(error.error().message));

  const page = await context.newPage();
  const sockets = [];
  let subscribe;
  const subscribed = new Promise((resolve) => (subscribe = resolve));
  page.on('websocket', (socket) => {
    sockets.push(socket);
    if (!ours(socket.url())) elsewhere.push(socket.url());
    socket.on('framesent', ({ payload }) => JSON.parse(payload).type === 'subscribe' && subscribe());
  });
  const policy = (await page.goto(`${ORIGIN}/playground`)).headers()['content-security-policy'];
  assert.match(policy, /default-src 'none'/);
  assert.doesNotMatch(policy, /unsafe|\*/);
  assert.equal(await page.title(), 'Chatterbox playground');
  await page.locator('input[name=login]').fill(login);
  await page.locator('input[name=password]').fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByText(`signed in as ${login}`).waitFor();

  const editor = page.locator('.graphiql-query-editor');
  const result = page.locator('.result-window .CodeMirror-line');
  return {
    context,
    page,
    sockets,
    subscribed,
    tab: async (name, begins) => {
      await page.getByRole('button', { name, exact: true }).click();
      await editor.locator('.CodeMirror-line', { hasText: begins }).waitFor();
    },
    execute: () => page.locator('.graphiql-execute-button').click(),
    shows: (text, timeout = DEADLINE) => result.filter({ hasText: text }).first().waitFor({ timeout }),
  };
}

try {
  const here = await playground('ada');

  // A query, with the token from the bar.
  const [asked] = await Promise.all([
    here.page.waitForRequest((request) => request.url() === HTTP && request.postDataJSON().query.includes('query Viewer')),
    here.execute(),
  ]);
  assert.match(asked.headers().authorization, /^Bearer ./);
  assert.match(asked.headers().accept, /^application\/graphql-response\+json/);
  await here.shows('"username": "ada"');

  // The subscription, over a WebSocket. It runs once a message that someone sends her is seen.
  await here.tab('Events', 'subscription Events');
  await here.execute();
  await within(here.subscribed, 'the subscription on its way');
  const grace = await signIn('grace');
  for (const until = Date.now() + DEADLINE; ; ) {
    await send(grace, { username: 'ada' }, `playground: is anyone looking? ${randomUUID()}`);
    if (await here.shows('playground: is anyone looking?', 1_000).then(() => true, () => false)) break;
    assert.ok(Date.now() < until, `no event within ${DEADLINE} ms of subscribing`);
  }
  assert.deepEqual(here.sockets.map((socket) => socket.url()), [WS]);

  // Ada writes to grace on another device, and sees it here.
  const there = await playground('ada');
  const body = `playground: hello ${randomUUID()}`;
  await there.tab('SendMessage', 'mutation SendMessage');
  await there.page.locator('.graphiql-editor-tool .CodeMirror:visible').click();
  await there.page.keyboard.press('ControlOrMeta+A');
  await there.page.keyboard.insertText(JSON.stringify({ body }));
  await Promise.all([there.execute(), here.shows(body)]);
  await there.shows(body);
  await there.context.close();
  if (screenshot) await here.page.screenshot({ path: screenshot });

  // Signing out ends the feed and the session.
  const closed = within(new Promise((resolve) => here.sockets[0].once('close', resolve)), 'the end of the feed');
  await here.page.getByRole('button', { name: 'Sign out' }).click();
  await here.page.locator('input[name=login]').waitFor();
  await closed;

  assert.deepEqual(elsewhere, [], 'requests to other hosts');
  assert.deepEqual(complaints, [], 'the console is clean, and nothing failed to load');
  await here.context.close();
} finally {
  await browser.close();
}
done('playground');
