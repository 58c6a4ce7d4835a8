// What the scripts share: waiting with a deadline, and queues of events.

import assert from 'node:assert/strict';

export const DEADLINE = 30_000;
export const PASSWORD = 'chatterbox';

assert.ok(process.argv[2], `usage: node ${process.argv[1]?.split('/').pop()} URL`);
export const ORIGIN = new URL(process.argv[2]).origin;
export const HTTP = `${ORIGIN}/graphql`;
export const WS = HTTP.replace(/^http/, 'ws');

/** The promise's value, or a failure that says what did not come in time. */
export function within(promise, what, milliseconds = DEADLINE) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${milliseconds} ms: ${what}`)), milliseconds);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Events in the order in which they came, each taken once. Those that `concerns` does not want are left out. */
export class Feed {
  #concerns;
  #waiting = [];
  #events = [];
  #failure = null;
  #hear;
  /** Resolves with the first event. */
  heard = new Promise((resolve) => (this.#hear = resolve));

  constructor(concerns) {
    this.#concerns = concerns;
  }

  push = (event) => {
    if (!this.#concerns(event)) return;
    this.#hear();
    const taker = this.#waiting.shift();
    if (taker) taker.resolve(event);
    else this.#events.push(event);
  };

  fail = (error) => {
    this.#failure = error instanceof Error ? error : new Error(JSON.stringify(error));
    for (const { reject } of this.#waiting.splice(0)) reject(this.#failure);
  };

  next(what) {
    if (this.#events.length) return Promise.resolve(this.#events.shift());
    if (this.#failure) return Promise.reject(this.#failure);
    return within(new Promise((resolve, reject) => this.#waiting.push({ resolve, reject })), what);
  }

  /** Fails if anything came that nobody has taken. */
  assertEmpty(what) {
    if (this.#failure) throw this.#failure;
    assert.deepEqual(this.#events, [], what);
  }
}

/**
 * A subscription is not acknowledged, and without a cursor it starts when the server has it. So `probe` (sends a
 * message, gives its id) is repeated until every feed has heard one. From the first that a feed heard to the last sent,
 * all have to come, in order; after that the feeds are empty.
 */
export async function started(feeds, probe) {
  const sent = [];
  const all = Promise.all(feeds.map((feed) => feed.heard)).then(() => true);
  for (const until = Date.now() + DEADLINE; ; ) {
    sent.push(await probe());
    if (await Promise.race([all, new Promise((go) => setTimeout(go, 250, false))])) break;
    assert.ok(Date.now() < until, `no event within ${DEADLINE} ms of subscribing`);
  }
  for (const feed of feeds) {
    const first = sent.indexOf((await feed.next('a first event')).message.id);
    assert.notEqual(first, -1, 'the first event was none of the probes');
    for (const id of sent.slice(first + 1)) {
      assert.equal((await feed.next('the next probe')).message.id, id, 'probes out of order');
    }
    feed.assertEmpty('more events than probes');
  }
}

/** Says that all held. What is still open half a minute later would keep a program from ending: that is a failure too. */
export function done(what) {
  console.log(`${what}: all held`);
  setTimeout(() => {
    console.error('something is still open');
    process.exit(1);
  }, DEADLINE).unref();
}

/** One request over HTTP, without any client library; fails on `errors`. */
export async function request(query, variables, token) {
  const answer = await fetch(HTTP, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/graphql-response+json, application/json',
      ...(token ? { authorization: `Bearer ${token}` } : {}),
    },
    body: JSON.stringify({ query, variables }),
    signal: AbortSignal.timeout(DEADLINE),
  });
  const result = await answer.json();
  assert.equal(result.errors, undefined, JSON.stringify(result.errors));
  return result.data;
}

export async function signIn(login) {
  const data = await request(
    `mutation SignIn($input: SignInInput!) {
      signIn(input: $input) { accessToken refreshToken viewer { user { username } } }
    }`,
    { input: { login, password: PASSWORD, device: 'clients' } },
  );
  assert.equal(data.signIn.viewer.user.username, login);
  return data.signIn.accessToken;
}

const SEND = `mutation Send($input: SendMessageInput!) { sendMessage(input: $input) { id seq body } }`;

export async function send(token, to, body) {
  return (await request(SEND, { input: { to, body } }, token)).sendMessage;
}
