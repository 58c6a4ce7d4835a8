// Apollo Client's other links: errors by code, operations in batches, and persisted queries by POST and by GET.

import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { ApolloClient, ApolloLink, CombinedGraphQLErrors, HttpLink, InMemoryCache, gql } from '@apollo/client';
import { BatchHttpLink } from '@apollo/client/link/batch-http';
import { ErrorLink } from '@apollo/client/link/error';
import { createPersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { HTTP, done, signIn, within } from './support.mjs';

const VIEWER = gql`query Viewer { viewer { user { id username } } }`;
const USER = gql`query User($username: String!) { user(username: $username) { id username } }`;
const SEND = gql`mutation Send($input: SendMessageInput!) { sendMessage(input: $input) { id seq body } }`;

const authorization = `Bearer ${await signIn('ada')}`;

/** A client with these links, and the requests that it made. */
function client(...links) {
  const requests = [];
  const recorded = (url, options) => {
    const { searchParams } = new URL(url);
    const body = options.body ? JSON.parse(options.body) : Object.fromEntries(searchParams);
    requests.push({ method: options.method, body });
    return fetch(url, options);
  };
  const link = ApolloLink.from(links.map((make) => make({ uri: HTTP, headers: { authorization }, fetch: recorded })));
  const made = new ApolloClient({ cache: new InMemoryCache(), link, defaultOptions: { query: { fetchPolicy: 'no-cache' } } });
  const query = async (document, variables) =>
    (await within(made.query({ query: document, variables }), document.definitions[0].name.value)).data;
  const mutate = async (mutation, variables) => (await within(made.mutate({ mutation, variables }), 'a mutation')).data;
  return { requests, query, mutate };
}

const http = (options) => new HttpLink(options);
const says = (body) => ({ input: { to: { username: 'grace' }, body: `apollo: ${body}`, key: randomUUID() } });

// ---- every error has a code that an error link can act on

const codes = [];
const errors = () =>
  new ErrorLink(({ error }) => {
    assert.ok(CombinedGraphQLErrors.is(error), `${error}`);
    codes.push(...error.errors.map(({ extensions }) => extensions.code));
  });
const faulty = client(errors, http);
const hello = says('hello');
await faulty.mutate(SEND, hello);
const refusals = [
  ['CONFLICT', SEND, { input: { ...hello.input, body: 'apollo: other words' } }],
  ['BAD_USER_INPUT', SEND, says('x'.repeat(4_001))],
  ['NOT_FOUND', SEND, { input: { ...hello.input, to: { username: 'nobody.of.that.name' } } }],
];
for (const [code, mutation, variables] of refusals) {
  await assert.rejects(faulty.mutate(mutation, variables), CombinedGraphQLErrors);
  assert.equal(codes.pop(), code);
}
await assert.rejects(faulty.query(gql`query Wrong { viewer { noSuchField } }`), /noSuchField/);
assert.equal(codes.pop(), 'BAD_USER_INPUT');

const stranger = client(errors, ({ uri }) => new HttpLink({ uri, headers: { authorization: 'Bearer no.such.token' } }));
await assert.rejects(stranger.query(VIEWER), CombinedGraphQLErrors);
assert.equal(codes.pop(), 'UNAUTHENTICATED');
assert.deepEqual(codes, []);

// ---- batches of at most ten, in which each operation fares for itself

const batched = client((options) => new BatchHttpLink({ ...options, batchMax: 10, batchInterval: 20 }));
const names = ['ada', 'grace', 'alan', 'katherine', 'edsger', 'barbara', 'donald', 'margaret', 'dennis', 'ken', 'frances'];
const users = await Promise.all(names.map((username) => batched.query(USER, { username })));
assert.deepEqual(users.map(({ user }) => user.username), names);
assert.deepEqual(batched.requests.map(({ body }) => body.length), [10, 1]);

const [sent, refused, found] = await Promise.allSettled([
  batched.mutate(SEND, says('one of three')),
  batched.mutate(SEND, says('x'.repeat(4_001))),
  batched.query(USER, { username: 'grace' }),
]);
assert.equal(batched.requests.at(-1).body.length, 3);
assert.ok(sent.value.sendMessage.seq > 0);
assert.equal(refused.reason.errors[0].extensions.code, 'BAD_USER_INPUT');
assert.equal(found.value.user.username, 'grace');

// ---- persisted queries: the hash, then with the text, then the hash alone, also from another client

const sha256 = (text) => createHash('sha256').update(text).digest('hex');
const persisted = (useGETForHashedQueries) => () => createPersistedQueryLink({ sha256, useGETForHashedQueries });
const parts = ({ method, body }) => [method, ['query', 'extensions'].filter((part) => part in body).join()];

const poster = client(persisted(false), http);
for (let i = 0; i < 2; i += 1) assert.equal((await poster.query(VIEWER)).viewer.user.username, 'ada');
assert.deepEqual(poster.requests.map(parts), [
  ['POST', 'extensions'],
  ['POST', 'query,extensions'],
  ['POST', 'extensions'],
]);

const getter = client(persisted(true), http);
assert.equal((await getter.query(VIEWER)).viewer.user.username, 'ada');
for (const username of ['grace', 'alan']) assert.equal((await getter.query(USER, { username })).user.username, username);
// Mutations never go by GET.
assert.ok((await getter.mutate(SEND, says('persisted'))).sendMessage.id);
assert.deepEqual(getter.requests.map(parts), [
  ['GET', 'extensions'],
  ['GET', 'extensions'],
  ['POST', 'query,extensions'],
  ['GET', 'extensions'],
  ['POST', 'extensions'],
  ['POST', 'query,extensions'],
]);

done('apollo-links');
