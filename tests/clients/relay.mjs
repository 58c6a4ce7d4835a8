// Relay: its compiler finds what an app would ask valid (connections, Node, edges that mutations add and take away),
// and its store, fed with what the compiler made, is kept true by mutations and events.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createClient } from 'graphql-ws';
import relayCompiler from 'relay-compiler';
import relay from 'relay-runtime';
import WebSocket from 'ws';
import { ORIGIN, WS, done, request, send, signIn, within } from './support.mjs';

const { Environment, Network, Observable, RecordSource, Store, createOperationDescriptor, getSelector } = relay;

// ---- the compiler, in a folder of its own

const folder = mkdtempSync(join(tmpdir(), 'relay-'));
process.on('exit', () => rmSync(folder, { recursive: true }));
copyFileSync(fileURLToPath(new URL('relay/documents.js', import.meta.url)), join(folder, 'documents.js'));
writeFileSync(join(folder, 'schema.graphql'), await (await fetch(`${ORIGIN}/schema.graphql`)).text());
mkdirSync(join(folder, 'artifacts'));
const config = { src: '.', schema: 'schema.graphql', language: 'javascript', eagerEsModules: false, artifactDirectory: 'artifacts' };
writeFileSync(join(folder, 'relay.config.json'), JSON.stringify(config));
execFileSync(relayCompiler, ['relay.config.json'], { cwd: folder, encoding: 'utf8' });

const load = createRequire(join(folder, 'artifacts', 'x'));
const compiled = (name) => load(`./documents${name}.graphql`);

// ---- an environment, as its documentation sets it up

const token = await signIn('ada');
const grace = await signIn('grace');
const socket = createClient({ url: WS, webSocketImpl: WebSocket, connectionParams: { authorization: `Bearer ${token}` }, retryAttempts: 0 });
const asked = [];
const environment = new Environment({
  store: new Store(new RecordSource()),
  network: Network.create(
    ({ name, text }, variables) => {
      asked.push(name);
      return request(text, variables, token).then((data) => ({ data }));
    },
    ({ text: query, name: operationName }, variables) =>
      Observable.create((sink) => socket.subscribe({ query, operationName, variables }, sink)),
  ),
});

const lookup = (selector) => {
  const snapshot = environment.lookup(selector);
  assert.ok(!snapshot.isMissingData, JSON.stringify(snapshot.data));
  return snapshot.data;
};

/** Fetches, and keeps what came in the store. */
async function query(name, variables) {
  const operation = createOperationDescriptor(compiled(name), variables);
  environment.retain(operation);
  await within(relay.fetchQuery(environment, compiled(name), variables).toPromise(), name);
  return lookup(operation.fragment);
}

const mutate = (name, variables) =>
  within(
    new Promise((onCompleted, onError) => {
      relay.commitMutation(environment, { mutation: compiled(name), variables, onCompleted, onError });
    }),
    name,
  );

/** What a fragment shows, once it shows what `condition` wants. */
function until(selector, what, condition) {
  const showing = new Promise((resolve) => {
    const look = ({ data }) => condition(data) && resolve(data);
    const snapshot = environment.lookup(selector);
    environment.subscribe(snapshot, look);
    look(snapshot);
  });
  return within(showing, what);
}

// ---- a connection, page by page

const { user } = await query('WithQuery', { username: 'grace' });
const { id } = user.directConversation;
const { conversation } = await query('ConversationQuery', { id });
const messages = getSelector(compiled('_messages'), conversation);
for (let page = lookup(messages).messages; page.pageInfo.hasPreviousPage; page = lookup(messages).messages) {
  await query('MessagesPaginationQuery', { id, last: 5, before: page.pageInfo.startCursor });
}
const shown = ({ messages: { edges } }) => edges.map(({ node }) => node);
const seqs = shown(lookup(messages)).map(({ seq }) => seq);
assert.deepEqual(seqs, seqs.map((_, place) => place + 1), 'all messages once, in order');
assert.ok(seqs.length > 10, 'more than two pages');

// ---- what a mutation answers and what an event brings is appended, once

const connections = [lookup(messages).messages.__id];
const subscription = relay.requestSubscription(environment, {
  subscription: compiled('EventsSubscription'),
  variables: { conversationId: id, connections },
  onError: (error) => process.nextTick(() => assert.fail(`${JSON.stringify(error)}`)),
});
asked.length = 0;
const input = { to: { conversationId: id }, body: `relay: hello ${randomUUID()}`, key: randomUUID() };
const { sendMessage: sent } = await mutate('SendMutation', { input, connections });
assert.deepEqual(shown(lookup(messages)).at(-1).id, sent.id);

// The subscription may not have begun when the first is sent.
const heard = until(messages, 'an answer', (data) => shown(data).at(-1).sender.username === 'grace').then(() => true);
do await send(grace, { conversationId: id }, `relay: an answer ${randomUUID()}`);
while (!(await Promise.race([heard, new Promise((go) => setTimeout(go, 250, false))])));
assert.equal(shown(lookup(messages)).filter((message) => message.id === sent.id).length, 1);

const { viewer } = await query('PeopleQuery', {});
const people = createOperationDescriptor(compiled('PeopleQuery'), {}).fragment;
const names = ({ edges }) => edges.map(({ node }) => node.username);
assert.deepEqual(names(viewer.friends), ['alan', 'grace', 'katherine']);
const { node: barbara } = viewer.friendRequests.edges.find(({ node }) => node.username === 'barbara');
await mutate('AcceptMutation', { userId: barbara.id, friends: [viewer.friends.__id], requests: [viewer.friendRequests.__id] });
const now = await until(people, 'a new friend', (data) => data.viewer.friends.edges.length === 4);
assert.deepEqual(names(now.viewer.friends), ['alan', 'grace', 'katherine', 'barbara']);
assert.deepEqual(names(now.viewer.friendRequests), ['hedy']);
assert.deepEqual(asked, ['documentsSendMutation', 'documentsPeopleQuery', 'documentsAcceptMutation']);

// ---- anything by its id

const { node } = await query('PersonRefetchQuery', { id: barbara.id });
const person = lookup(getSelector(compiled('_person'), node));
assert.deepEqual([person.username, person.friendship], ['barbara', 'FRIENDS']);
assert.equal((await query('PersonRefetchQuery', { id: 'user_7zzzzzzzzzzzzzzzzzzzzzzzzz' })).node, null);

subscription.dispose();
await socket.dispose();
done('relay');
