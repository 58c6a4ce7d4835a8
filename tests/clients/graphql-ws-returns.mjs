// graphql-ws loses its connection three ways, comes back by itself from its last cursor, and misses nothing:
// the service restarts (1001), the client was too slow (1013), its session has ended (4403) and it signs in again.
// Whoever runs this restarts the service when told so, and says when it is back.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { DEADLINE, Feed, ORIGIN, WS, done, request, send, signIn, started, within } from './support.mjs';

const EVENTS = `subscription Events($after: String) {
  events(after: $after) { __typename cursor ... on MessageSent { message { id seq body } } }
}`;

const ada = await signIn('ada');
let token = await signIn('grace');

// ---- how a client is set up that comes back

let socket;
let mayReturn = Promise.resolve();
const closes = [];
const client = createClient({
  url: WS,
  webSocketImpl: WebSocket,
  // Asked for at each connection: a token that has ended can be traded for another one.
  connectionParams: async () => {
    if (closes.at(-1) === 4403) token = await signIn('grace');
    return { authorization: `Bearer ${token}` };
  },
  retryAttempts: Infinity,
  retryWait: () => mayReturn,
  // By itself it retries only what was closed, not what could not be opened.
  shouldRetry: () => true,
  on: {
    opened: (opened) => (socket = opened),
    closed: ({ code }) => closes.push(code),
  },
});

const feed = new Feed(({ __typename }) => __typename === 'MessageSent');
const variables = {};
client.subscribe(
  { query: EVENTS, variables }, // the same object is sent again at each connection
  {
    next: ({ data, errors }) => {
      if (errors) return feed.fail(errors);
      variables.after = data.events.cursor;
      feed.push(data.events);
    },
    error: feed.fail,
    complete: () => {},
  },
);

const toGrace = (text) => send(ada, { username: 'grace' }, `graphql-ws: ${text} ${randomUUID()}`);
const hears = async (...messages) => {
  for (const { id } of messages) assert.equal((await feed.next('a message')).message.id, id);
  feed.assertEmpty('something came twice');
};
/** Keeps the client from returning until `during` is done. */
async function meanwhile(during) {
  let open;
  mayReturn = new Promise((resolve) => (open = resolve));
  const result = await during();
  open();
  return result;
}

await started([feed], async () => (await toGrace('is anyone listening?')).id);
await hears(await toGrace('live'));

// ---- the service restarts

const said = createInterface({ input: process.stdin });
const missed = await meanwhile(async () => {
  console.log('restart');
  await within(once(said, 'line'), 'the service to be back', 3 * DEADLINE);
  return toGrace('missed');
});
await hears(missed, await toGrace('live again'));
assert.equal(closes[0], 1001);
said.close();

// ---- the client reads nothing, until the service gives it up

const { direct } = await request('{ direct: user(username: "grace") { directConversation { id } } }', {}, ada);
const long = 'x'.repeat(4_000);
const FLOOD = `mutation Flood($input: SendMessageInput!) { ${[...'abcdefghij'].map((a) => `${a}: sendMessage(input: $input) { seq }`).join(' ')} }`;
const slow = async () => /^chatterbox_slow_subscribers_total [1-9]/m.test(await (await fetch(`${ORIGIN}/metrics`)).text());
const since = closes.length;
let last;
socket.pause();
for (const until = Date.now() + 6 * DEADLINE; !(await slow()); ) {
  assert.ok(Date.now() < until, 'nobody is too slow');
  const input = { to: { conversationId: direct.directConversation.id }, body: long };
  const answers = await Promise.all(Array.from({ length: 20 }, () => request(FLOOD, { input }, ada)));
  last = Math.max(...answers.flatMap((answer) => Object.values(answer).map(({ seq }) => seq)));
}
socket.resume();
let { seq } = (await feed.next('the first of many')).message;
while (seq < last) {
  const next = (await feed.next('the next of many', 3 * DEADLINE)).message.seq;
  assert.equal(next, seq + 1, 'each once, in order, over the break');
  seq = next;
}
assert.ok(closes.slice(since).includes(1013), `closed by ${closes}`);
await hears(await toGrace('live once more'));

// ---- the session ends

const ended = await meanwhile(async () => {
  await request('mutation { signOutEverywhere }', {}, token);
  return toGrace('while signed out');
});
await hears(ended, await toGrace('signed in again'));
assert.equal(closes.at(-1), 4403);

await client.dispose();
done('graphql-ws-returns');
