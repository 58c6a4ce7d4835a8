// graphql-sse in its "distinct connections mode": a stream of Server-Sent Events for each operation, without WebSocket.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { createClient } from 'graphql-sse';
import { Feed, HTTP, done, send, signIn, started, within } from './support.mjs';

const EVENTS = `subscription Events($after: String) {
  events(after: $after) {
    __typename
    cursor
    ... on MessageSent { message { id seq body sender { username } } }
  }
}`;
const SEND = `mutation Send($input: SendMessageInput!) { sendMessage(input: $input) { id seq body } }`;

const ada = await signIn('ada');
const grace = await signIn('grace');
const connect = (token) =>
  createClient({ url: HTTP, headers: { authorization: `Bearer ${token}` }, retryAttempts: 0 });

/** The one result of a query or mutation. */
async function ask(client, query, variables) {
  const results = [];
  const ended = new Promise((resolve, reject) => {
    client.subscribe({ query, variables }, { next: (result) => results.push(result), error: reject, complete: resolve });
  });
  await within(ended, 'an answer');
  assert.equal(results.length, 1);
  return results[0];
}

function follow(client, after) {
  const feed = new Feed(({ __typename }) => __typename === 'MessageSent');
  const stop = client.subscribe(
    { query: EVENTS, variables: { after } },
    {
      next: ({ data, errors }) => (errors ? feed.fail(errors) : feed.push(data.events)),
      error: feed.fail,
      complete: () => {},
    },
  );
  return { feed, stop };
}

const toGrace = (text) => send(ada, { username: 'grace' }, `graphql-sse: ${text} ${randomUUID()}`);

// ---- queries, mutations, and what is wrong with them

const talker = connect(ada);
assert.deepEqual(await ask(talker, '{ viewer { user { username } } }'), { data: { viewer: { user: { username: 'ada' } } } });
const input = { to: { username: 'grace' }, body: `graphql-sse: hello ${randomUUID()}` };
assert.equal((await ask(talker, SEND, { input })).data.sendMessage.body, input.body);

const { errors } = await ask(talker, SEND, { input: { ...input, body: 'x'.repeat(4_001) } });
assert.equal(errors[0].extensions.code, 'BAD_USER_INPUT');
for (const [query, code] of [['{ noSuchField }', 'BAD_USER_INPUT'], ['{', 'BAD_USER_INPUT']]) {
  const wrong = await ask(talker, query);
  assert.equal(wrong.errors[0].extensions.code, code, query);
}

// ---- a feed, a break, and the feed from the cursor on

const listener = connect(grace);
const live = follow(listener);
await started([live.feed], async () => (await toGrace('is anyone listening?')).id);
const heard = await toGrace('heard live');
const { cursor, message } = await live.feed.next('a live message');
assert.deepEqual(message, { ...heard, sender: { username: 'ada' } });
live.stop();

const missed = await toGrace('missed');
const resumed = follow(listener, cursor);
assert.equal((await resumed.feed.next('the missed message')).message.id, missed.id);
const next = await toGrace('live again');
assert.equal((await resumed.feed.next('a live message after resuming')).message.id, next.id);
resumed.feed.assertEmpty('something came twice');

// Two feeds are two streams.
const second = follow(listener, cursor);
assert.equal((await second.feed.next('the missed message')).message.id, missed.id);
assert.equal((await second.feed.next('the message after it')).message.id, next.id);
second.stop();
assert.equal((await toGrace('for one')).id, (await resumed.feed.next('a message for the feed that stays')).message.id);
second.feed.assertEmpty('a feed that was stopped goes on');
resumed.stop();

// ---- refusals

const refused = follow(connect(grace), 'no cursor');
await assert.rejects(refused.feed.next('the refusal of a cursor'), /BAD_USER_INPUT/);
await assert.rejects(follow(connect('no.such.token')).feed.next('the refusal of a token'), /UNAUTHENTICATED|Unauthorized/);

for (const client of [talker, listener]) client.dispose();
done('sse');
