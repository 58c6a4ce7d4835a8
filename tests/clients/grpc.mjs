// gRPC as JavaScript has it: @grpc/grpc-js, with messages and calls out of the .proto file.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';
import { DEADLINE, Feed, done, send, signIn, within } from './support.mjs';

const [, , , address, authority] = process.argv;
assert.ok(address, 'usage: node grpc.mjs URL ADDRESS [CERTIFICATE]');

const definition = loader.loadSync('chatterbox/chat/v1/chat.proto', {
  includeDirs: [new URL('../../proto', import.meta.url).pathname],
  longs: Number,
  defaults: true,
  oneofs: true,
});
const { ChatService } = grpc.loadPackageDefinition(definition).chatterbox.chat.v1;
const credentials = authority
  ? grpc.credentials.createSsl(readFileSync(authority))
  : grpc.credentials.createInsecure();
let client = new ChatService(address, credentials);

const [ada, grace] = [await signIn('ada'), await signIn('grace')];

function metadata(token, more = {}) {
  const metadata = new grpc.Metadata();
  metadata.set('authorization', `Bearer ${token}`);
  for (const [name, value] of Object.entries(more)) metadata.set(name, value);
  return metadata;
}

const options = () => ({ deadline: Date.now() + DEADLINE });

/** The answer to a call, or its error. */
function call(method, token, message) {
  return new Promise((resolve, reject) => {
    client[method](message, metadata(token), options(), (error, answer) => (error ? reject(error) : resolve(answer)));
  });
}

function callWithAll(token, messages) {
  return new Promise((resolve, reject) => {
    const stream = client.StreamMessage(metadata(token), options(), (error, answer) =>
      error ? reject(error) : resolve(answer),
    );
    for (const message of messages) stream.write(message);
    stream.end();
  });
}

/** A stream of both directions. `begun` resolves once nothing is missed any more; `ended` with the last status. */
function open(token, more) {
  const stream = client.SendMessagesGRPC(metadata(token, more));
  const feed = new Feed(() => true);
  const begun = within(new Promise((resolve) => stream.once('metadata', resolve)), 'the begin of a stream');
  const ended = new Promise((resolve) => stream.once('status', resolve));
  stream.on('data', feed.push);
  stream.on('error', () => {});
  return { stream, feed, begun, ended };
}

const to = (username, body, key = randomUUID()) => ({ username, body, key });

/** What `google.rpc.ErrorInfo` says: its reason stands in the details as it is. */
function reason(error) {
  const [details] = error.metadata.get('grpc-status-details-bin');
  return ['CONFLICT', 'UNAUTHENTICATED', 'BAD_USER_INPUT', 'UNAVAILABLE'].find((code) => details?.includes(code));
}

async function refused(promise, status, code) {
  const error = await promise.then(() => assert.fail('not refused'), (error) => error);
  assert.deepEqual([error.code, reason(error)], [status, code], error.details);
}

// One hears what the other sends, over either protocol.
let listening = open(grace);
await listening.begun;
const key = randomUUID();
const first = await call('SendMessage', ada, to('grace', 'Hello', key));
assert.deepEqual([first.kept, first.last.body, first.last.key], [1, 'Hello', key]);
const heard = await listening.feed.next('what was sent');
assert.deepEqual([heard.id, heard.seq, heard.body], [first.last.id, first.last.seq, 'Hello']);
assert.ok(heard.cursor && !heard.key);
const overGraphql = await send(ada, { username: 'grace' }, 'Over GraphQL');
const next = await listening.feed.next('what was sent over GraphQL');
assert.deepEqual([next.id, next.seq], [overGraphql.id, overGraphql.seq]);

// A key is one message.
assert.equal((await call('SendMessage', ada, to('grace', 'Hello', key))).last.id, first.last.id);
await refused(call('SendMessage', ada, to('grace', 'Bye', key)), grpc.status.ALREADY_EXISTS, 'CONFLICT');
await refused(call('SendMessage', 'nonsense', to('grace', 'Hello')), grpc.status.UNAUTHENTICATED, 'UNAUTHENTICATED');
await refused(call('SendMessage', ada, to('grace', '')), grpc.status.INVALID_ARGUMENT, 'BAD_USER_INPUT');

// Many go in order, as far as the first that fails.
const many = await callWithAll(ada, ['One', 'Two', '', 'Four'].map((body) => to('grace', body)));
assert.deepEqual([many.kept, many.failedAt, many.failure.code, many.last.body], [2, 2, 'BAD_USER_INPUT', 'Two']);
for (const body of ['One', 'Two']) assert.equal((await listening.feed.next(body)).body, body);

// A stream answers each message, and ends behind the last.
const talking = open(ada);
for (const body of ['Three', ' ']) talking.stream.write(to('grace', body, body));
talking.stream.end();
assert.equal((await within(talking.ended, 'the end of the stream')).code, grpc.status.OK);
const said = [];
for (let answers = 0; answers < 2; ) {
  const message = await talking.feed.next('an answer');
  if (!message.cursor) said[answers++] = message;
}
assert.deepEqual(said.map(({ key, body }) => [key, body]), [['Three', 'Three'], [' ', '']]);
assert.equal(said[1].failure.code, 'BAD_USER_INPUT');
const last = await listening.feed.next('Three');
assert.equal(last.id, said[0].id);

// Over a restart nothing is lost, nothing comes twice.
console.log('restart');
await within(
  new Promise((resolve) => createInterface({ input: process.stdin }).once('line', resolve)),
  'the restart',
  3 * DEADLINE,
);
const stopped = await within(listening.ended, 'the end of the stream');
assert.equal(stopped.code, grpc.status.UNAVAILABLE, stopped.details);
client.close();
client = new ChatService(address, credentials);
await call('SendMessage', ada, to('grace', 'Meanwhile'));
listening = open(grace, { 'last-cursor': last.cursor });
await listening.begun;
await call('SendMessage', ada, to('grace', 'Afterwards'));
for (const body of ['Meanwhile', 'Afterwards']) assert.equal((await listening.feed.next(body)).body, body);
listening.stream.cancel();
assert.equal((await within(listening.ended, 'the end of the stream')).code, grpc.status.CANCELLED);

// A deadline is kept.
const late = client.SendMessagesGRPC(metadata(ada), { deadline: Date.now() + 500 });
late.on('error', () => {}).resume();
const status = await within(new Promise((resolve) => late.once('status', resolve)), 'the deadline');
assert.equal(status.code, grpc.status.DEADLINE_EXCEEDED);

client.close();
process.stdin.destroy();
done('grpc-js');
