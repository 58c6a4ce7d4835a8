// urql with its normalised cache (Graphcache, which checks all against the schema), and events over graphql-ws.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { Client, fetchExchange, gql, subscriptionExchange } from '@urql/core';
import { cacheExchange } from '@urql/exchange-graphcache';
import { relayPagination } from '@urql/exchange-graphcache/extras';
import { getIntrospectionQuery } from 'graphql';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { Feed, HTTP, WS, done, request, signIn, started, within } from './support.mjs';

const WITH = gql`query With($username: String!) { user(username: $username) { id directConversation { id } } }`;
const MESSAGES = gql`
  query Messages($id: ID!, $before: String) {
    conversation(id: $id) {
      id
      ... on DirectConversation {
        messages(last: 5, before: $before) {
          edges { cursor node { id seq body editedAt reactions { emoji count } } }
          pageInfo { startCursor endCursor hasPreviousPage hasNextPage }
        }
      }
    }
  }
`;
const SEND = gql`mutation Send($input: SendMessageInput!) { sendMessage(input: $input) { id seq body } }`;
const EDIT = gql`mutation Edit($id: ID!, $body: String!) { editMessage(id: $id, body: $body) { id body editedAt } }`;
const EVENTS = gql`
  subscription Events {
    events {
      __typename
      cursor
      ... on MessageSent { message { id seq body editedAt reactions { emoji count } conversation { id } } }
      ... on MessageEdited { message { id body editedAt } }
    }
  }
`;

const schema = await request(getIntrospectionQuery());
const complaints = [];
for (const level of ['warn', 'error']) console[level] = (...words) => complaints.push(words.join(' '));

// What has no id is kept with what it belongs to.
const embedded = () => null;
const events = schema.__schema.types.find(({ name }) => name === 'Event').possibleTypes.map(({ name }) => name);
const keys = Object.fromEntries(['Viewer', 'Reaction', ...events].map((type) => [type, embedded]));

async function person(login) {
  const authorization = `Bearer ${await signIn(login)}`;
  const socket = createClient({ url: WS, webSocketImpl: WebSocket, connectionParams: { authorization }, retryAttempts: 0 });
  const client = new Client({
    url: HTTP,
    preferGetMethod: 'within-url-limit',
    fetchOptions: { headers: { authorization } },
    exchanges: [
      cacheExchange({ schema, keys, resolvers: { DirectConversation: { messages: relayPagination({ mergeMode: "outwards" }) } } }),
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: (operation) => ({
          subscribe: (sink) => ({ unsubscribe: socket.subscribe(operation, sink) }),
        }),
      }),
    ],
  });
  const settled = async (result, what) => {
    const { data, error } = await within(result.toPromise(), what);
    if (error) throw error;
    return data;
  };
  return {
    client,
    query: (document, variables, requestPolicy) => settled(client.query(document, variables, { requestPolicy }), 'a query'),
    mutate: (document, variables) => settled(client.mutation(document, variables), 'a mutation'),
    leave: () => socket.dispose(),
  };
}

const [ada, grace] = await Promise.all(['ada', 'grace'].map(person));
const feed = new Feed(() => true);
const { unsubscribe } = grace.client
  .subscription(EVENTS, {})
  .subscribe(({ data, error }) => (error ? feed.fail(error) : feed.push(data.events)));
const say = (text) => ({ input: { to: { username: 'grace' }, body: `urql: ${text} ${randomUUID()}` } });
await started([feed], async () => (await ada.mutate(SEND, say('is anyone listening?'))).sendMessage.id);

// ---- pages, joined by the cache

const { user } = await grace.query(WITH, { username: 'ada' });
const { id } = user.directConversation;
let page = { startCursor: undefined, hasPreviousPage: true };
while (page.hasPreviousPage) {
  const { conversation } = await grace.query(MESSAGES, { id, before: page.startCursor });
  page = conversation.messages.pageInfo;
}
const { conversation } = await grace.query(MESSAGES, { id }, 'cache-only');
const seqs = conversation.messages.edges.map(({ node }) => node.seq);
assert.deepEqual(seqs, seqs.map((_, place) => place + 1), 'all messages, once');
assert.ok(seqs.length > 10, 'more than two pages');

// ---- an event changes what the cache holds

const { sendMessage: sent } = await ada.mutate(SEND, say('hello'));
const { message } = await feed.next("ada's message");
assert.deepEqual([message.id, message.body, message.conversation.id], [sent.id, sent.body, id]);
const shows = gql`query Shows($id: ID!) { node(id: $id) { id ... on Message { body editedAt } } }`;
assert.equal((await grace.query(shows, { id: sent.id })).node.body, sent.body);

await ada.mutate(EDIT, { id: sent.id, body: 'urql: changed' });
assert.equal((await feed.next('the edit')).message.body, 'urql: changed');
const { node } = await grace.query(shows, { id: sent.id }, 'cache-only');
assert.equal(node.body, 'urql: changed');
assert.ok(node.editedAt);
feed.assertEmpty('more than happened');

// ---- errors keep their code

await assert.rejects(ada.mutate(SEND, say('x'.repeat(4_001))), ({ graphQLErrors: [{ extensions }] }) => extensions.code === 'BAD_USER_INPUT');

unsubscribe();
await Promise.all([ada, grace].map(({ leave }) => leave()));
assert.deepEqual(complaints, [], 'urql is content');
done('urql');
