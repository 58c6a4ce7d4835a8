// The graphql-ws library and, where it would get in the way, bare WebSockets: resuming from a cursor, refusals, ping.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { Feed, WS, done, send, signIn, started, within } from './support.mjs';

const EVENTS = `subscription Events($after: String) {
  events(after: $after) {
    __typename
    cursor
    at
    ... on MessageSent { message { id seq body sender { username } } }
  }
}`;
const SEND = `mutation Send($input: SendMessageInput!) { sendMessage(input: $input) { id seq body } }`;

const ada = await signIn('ada');
const grace = await signIn('grace');

const connect = (token) =>
  createClient({
    url: WS,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${token}` },
    retryAttempts: 0,
  });

/** The one result of a query or mutation over the socket; nothing may follow it but the end. */
async function result(client, query, variables) {
  const results = [];
  const ended = new Promise((resolve, reject) => {
    client.subscribe({ query, variables }, { next: (result) => results.push(result), error: reject, complete: resolve });
  });
  await within(ended, 'an answer over the socket');
  assert.equal(results.length, 1);
  return results[0];
}

async function ask(client, query, variables) {
  const { data, errors } = await result(client, query, variables);
  assert.equal(errors, undefined, JSON.stringify(errors));
  return data;
}

/** Subscribes; the feed takes messages only. `stop` ends the subscription, which then has to complete. */
function follow(client, after) {
  const feed = new Feed(({ __typename }) => __typename === 'MessageSent');
  let complete;
  const completed = new Promise((resolve) => (complete = resolve));
  const dispose = client.subscribe(
    { query: EVENTS, variables: { after } },
    {
      next: ({ data, errors }) => (errors ? feed.fail(errors) : feed.push(data.events)),
      error: feed.fail,
      complete,
    },
  );
  const stop = () => {
    dispose();
    return within(completed, 'the end of the subscription');
  };
  return { feed, stop };
}

const toGrace = (text) => send(ada, { username: 'grace' }, `graphql-ws: ${text} ${randomUUID()}`);

// ---- queries and mutations over the socket

const talker = connect(ada);
assert.deepEqual(await ask(talker, '{ viewer { user { username } } }'), { viewer: { user: { username: 'ada' } } });
const body = `graphql-ws: over the socket ${randomUUID()}`;
const { sendMessage } = await ask(talker, SEND, { input: { to: { username: 'grace' }, body } });
assert.equal(sendMessage.body, body);

// What was refused was executed, and its error is a result. What can't be executed is an error of the operation.
const tooLong = await result(talker, SEND, { input: { to: { username: 'grace' }, body: 'x'.repeat(4_001) } });
assert.deepEqual([tooLong.data, tooLong.errors[0].extensions.code], [null, 'BAD_USER_INPUT']);
await assert.rejects(ask(talker, '{ noSuchField }'), ([error]) => error.extensions.code === 'BAD_USER_INPUT');

// ---- a feed, a break, and the feed from the cursor on

const listener = connect(grace);
const live = follow(listener);
await started([live.feed], async () => (await toGrace('is anyone listening?')).id);

const heardLive = await toGrace('heard live');
const { cursor, message } = await live.feed.next('a live message');
assert.equal(message.id, heardLive.id);
assert.equal(message.body, heardLive.body);
assert.equal(message.seq, heardLive.seq);
assert.equal(message.sender.username, 'ada');
assert.ok(cursor, 'an event has a cursor');
live.feed.assertEmpty('more than was sent');
await live.stop();
await listener.dispose();

const missed = await toGrace('missed');

const returned = connect(grace);
const resumed = follow(returned, cursor);
const events = [await resumed.feed.next('the missed message')];
assert.equal(events[0].message.id, missed.id);
// What came after the cursor has been replayed, so the feed is live now.
const sentLive = [];
for (const text of ['live again', 'and again']) sentLive.push(await toGrace(text));
for (const { id } of sentLive) {
  events.push(await resumed.feed.next('a live message after resuming'));
  assert.equal(events.at(-1).message.id, id);
}
resumed.feed.assertEmpty('something came twice');
assert.equal(new Set([cursor, ...events.map((event) => event.cursor)]).size, 4, 'each event has a cursor of its own');
assert.deepEqual(
  events.map((event) => event.message.seq),
  [1, 2, 3].map((n) => heardLive.seq + n),
);

// From an older cursor the same events come again, the same and in the same order.
const replayed = follow(returned, cursor);
for (const event of events) assert.deepEqual(await replayed.feed.next('a replayed message'), event);
replayed.feed.assertEmpty('more than is after the cursor');
await Promise.all([resumed.stop(), replayed.stop()]);

// ---- refusals

const refused = connect('no.such.token');
const closed = await within(
  new Promise((resolve, reject) => {
    refused.subscribe(
      { query: EVENTS },
      { next: () => reject(new Error('a wrong token was served')), error: resolve, complete: () => reject(new Error('completed')) },
    );
  }),
  'the refusal of a wrong token',
);
assert.equal(closed.code, 4403);

/** A bare socket: what it received, in order, and how it was closed. */
function bare(protocol) {
  const socket = new WebSocket(WS, protocol);
  const inbox = [];
  const waiting = [];
  socket.on('message', (data) => {
    const parsed = JSON.parse(data);
    const taker = waiting.shift();
    if (taker) taker(parsed);
    else inbox.push(parsed);
  });
  return {
    socket,
    opened: () => within(new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject)), 'an open socket'),
    closed: () => within(new Promise((resolve) => socket.once('close', (code, reason) => resolve({ code, reason: `${reason}` }))), 'a close'),
    say: (what) => socket.send(JSON.stringify(what)),
    next: (what) => within(inbox.length ? inbox.shift() : new Promise((resolve) => waiting.push(resolve)), what),
  };
}

const stranger = bare('graphql-transport-ws');
await stranger.opened();
const end = stranger.closed();
stranger.say({ type: 'connection_init', payload: { authorization: 'Bearer no.such.token' } });
assert.deepEqual(await end, { code: 4403, reason: 'Forbidden' });

const foreign = new WebSocket(WS, 'no-such-protocol');
const how = await within(
  new Promise((resolve) => {
    foreign.once('open', () => resolve('opened'));
    foreign.once('unexpected-response', (_, { statusCode }) => {
      foreign.terminate();
      resolve(statusCode);
    });
    foreign.on('error', ({ message: why }) => resolve(why)); // this one throws where nobody listens
  }),
  'the refusal of an unknown subprotocol',
);
assert.ok((how >= 400 && how < 500) || how === 'Server sent no subprotocol', `an unknown subprotocol: ${how}`);

// ---- ping, the protocol's and WebSocket's

const pinger = bare('graphql-transport-ws');
await pinger.opened();
assert.equal(pinger.socket.protocol, 'graphql-transport-ws');
pinger.say({ type: 'connection_init', payload: { AUTHORIZATION: `Bearer ${grace}` } }); // the key in any case
assert.equal((await pinger.next('connection_ack')).type, 'connection_ack');
pinger.say({ type: 'ping' });
assert.equal((await pinger.next('pong')).type, 'pong');
pinger.say({ type: 'pong' }); // unasked for: allowed, and answered by nothing
const pong = new Promise((resolve) => pinger.socket.once('pong', resolve));
pinger.socket.ping('marco');
assert.equal(`${await within(pong, "WebSocket's own pong")}`, 'marco');
pinger.say({ id: '1', type: 'subscribe', payload: { query: '{ viewer { user { username } } }' } });
assert.deepEqual(await pinger.next('an answer'), {
  id: '1',
  type: 'next',
  payload: { data: { viewer: { user: { username: 'grace' } } } },
});
assert.deepEqual(await pinger.next('its end'), { id: '1', type: 'complete' });
const left = pinger.closed();
pinger.socket.close(1000);
await left;

await Promise.all([talker.dispose(), returned.dispose()]);
done('graphql-ws');
