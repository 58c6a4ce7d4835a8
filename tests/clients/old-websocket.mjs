// subscriptions-transport-ws, whose protocol (`graphql-ws` in the handshake) older mobile clients still speak.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import WebSocket from 'ws';
import { Feed, WS, done, send, signIn, started, within } from './support.mjs';

// Its ES modules are made for bundlers.
const { SubscriptionClient } = createRequire(import.meta.url)('subscriptions-transport-ws');

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
const connect = (token, options) =>
  new SubscriptionClient(WS, { connectionParams: { authorization: `Bearer ${token}` }, ...options }, WebSocket);
const on = (client, event) => new Promise((resolve) => client.on(event, resolve));

/** The one result of a query or mutation; then the operation ends. */
async function ask(client, query, variables) {
  const results = [];
  const ended = new Promise((resolve, reject) => {
    client.request({ query, variables }).subscribe({ next: (result) => results.push(result), error: reject, complete: resolve });
  });
  await within(ended, 'an answer');
  assert.equal(results.length, 1);
  return results[0];
}

function follow(client, variables = {}) {
  const feed = new Feed(({ __typename }) => __typename === 'MessageSent');
  const subscription = client.request({ query: EVENTS, variables }).subscribe({
    next: ({ data, errors }) => (errors ? feed.fail(errors) : feed.push(data.events)),
    error: feed.fail,
    complete: () => feed.fail(new Error('the subscription ended')),
  });
  return { feed, stop: () => subscription.unsubscribe() };
}

const toGrace = (text) => send(ada, { username: 'grace' }, `subscriptions-transport-ws: ${text} ${randomUUID()}`);

// ---- queries and mutations. The client does not wait for the acknowledgement before it asks.

const talker = connect(ada);
const connected = on(talker, 'connected');
assert.deepEqual(await ask(talker, '{ viewer { user { username } } }'), { data: { viewer: { user: { username: 'ada' } } } });
await within(connected, 'the acknowledgement');
assert.equal(talker.client.protocol, 'graphql-ws');
const input = { to: { username: 'grace' }, body: `subscriptions-transport-ws: hello ${randomUUID()}` };
assert.equal((await ask(talker, SEND, { input })).data.sendMessage.body, input.body);
const tooLong = await ask(talker, SEND, { input: { ...input, body: 'x'.repeat(4_001) } });
assert.equal(tooLong.errors[0].extensions.code, 'BAD_USER_INPUT');

// What can't be executed is an error of the operation, and the socket stays.
await assert.rejects(ask(talker, '{ noSuchField }'), ({ message }) => message.includes('noSuchField'));
assert.equal((await ask(talker, '{ viewer { user { username } } }')).data.viewer.user.username, 'ada');

// ---- a feed over a connection that breaks: the client comes back by itself, from the cursor that it has reached

const listener = connect(grace, { reconnect: true });
const variables = {};
const { feed, stop } = follow(listener, variables);
await started([feed], async () => (await toGrace('is anyone listening?')).id);
const heard = await toGrace('heard live');
const event = await feed.next('a live message');
assert.deepEqual(event.message, { ...heard, sender: { username: 'ada' } });

variables.after = event.cursor; // the client sends the same object again
const back = on(listener, 'reconnected');
listener.client.terminate();
const missed = await toGrace('missed');
await within(back, 'the client to come back');
assert.equal((await feed.next('the missed message')).message.id, missed.id);
const next = await toGrace('live again');
assert.equal((await feed.next('a live message after the break')).message.id, next.id);
feed.assertEmpty('something came twice');

// A second feed on the same socket, which ends alone.
const other = follow(listener, { after: event.cursor });
for (const { id } of [missed, next]) assert.equal((await other.feed.next('an older message')).message.id, id);
other.stop();
const last = await toGrace('for one');
assert.equal((await feed.next('a message for the feed that stays')).message.id, last.id);
other.feed.assertEmpty('a feed that was stopped goes on');
stop();

// ---- a token that is wrong: `connection_error`

const refused = connect('no.such.token', {
  connectionCallback: (error) => error && tell(error),
});
let tell;
const refusal = await within(new Promise((resolve) => (tell = resolve)), 'the refusal of a wrong token');
assert.ok(refusal.message, JSON.stringify(refusal));

for (const client of [talker, listener, refused]) client.close();
done('old-websocket');
