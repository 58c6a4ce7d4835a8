// Two people with Apollo Client, used the ordinary way: one cache each, HTTP for queries and mutations, graphql-ws for events.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from '@apollo/client';
import { SetContextLink } from '@apollo/client/link/context';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { OperationTypeNode, buildClientSchema, getIntrospectionQuery, validateSchema } from 'graphql';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { Feed, HTTP, PASSWORD, WS, done, request, started, within } from './support.mjs';

const SIGN_IN = gql`
  mutation SignIn($input: SignInInput!) {
    signIn(input: $input) {
      accessToken
      refreshToken
      viewer { user { id username } }
    }
  }
`;
const CONVERSATION_WITH = gql`
  query ConversationWith($username: String!) {
    user(username: $username) { id username directConversation { id } }
  }
`;
const MESSAGES = gql`
  query Messages($id: ID!) {
    conversation(id: $id) {
      id
      messages(last: 20) { nodes { id seq body sender { id username } } }
    }
  }
`;
const SEND = gql`
  mutation Send($input: SendMessageInput!) {
    sendMessage(input: $input) { id seq body sender { id username } conversation { id } }
  }
`;
const EVENTS = gql`
  subscription Events {
    events {
      __typename
      cursor
      at
      ... on MessageSent { message { id seq body sender { id username } conversation { id } } }
    }
  }
`;

/** A signed-in person: an Apollo Client, and the feed of what they hear about messages. */
async function person(login) {
  let token = null;
  const socket = createClient({
    url: WS,
    webSocketImpl: WebSocket,
    connectionParams: () => ({ authorization: `Bearer ${token}` }),
    retryAttempts: 0,
  });
  const authorized = new SetContextLink(({ headers }) => ({
    headers: token ? { ...headers, authorization: `Bearer ${token}` } : headers,
  }));
  const client = new ApolloClient({
    cache: new InMemoryCache(),
    link: ApolloLink.split(
      ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
      new GraphQLWsLink(socket),
      authorized.concat(new HttpLink({ uri: HTTP })),
    ),
  });
  const run = async (method, options, field) => {
    const { data, error } = await within(client[method](options), field);
    assert.equal(error, undefined);
    return data[field];
  };

  const mutate = (mutation, variables, field) => run('mutate', { mutation, variables }, field);
  const query = (document, variables, field, fetchPolicy) =>
    run('query', { query: document, variables, fetchPolicy }, field);

  const authentication = await mutate(SIGN_IN, { input: { login, password: PASSWORD, device: 'Apollo' } }, 'signIn');
  token = authentication.accessToken;
  assert.equal(authentication.viewer.user.username, login);

  const feed = new Feed((event) => event.__typename === 'MessageSent');
  const subscription = client.subscribe({ query: EVENTS }).subscribe({
    next: ({ data, error }) => (error ? feed.fail(error) : feed.push(data.events)),
    error: feed.fail,
    complete: () => feed.fail(new Error(`${login}'s events ended`)),
  });
  const leave = async () => {
    subscription.unsubscribe();
    client.stop();
    await socket.dispose();
  };
  return { client, mutate, query, feed, leave };
}

const cached = ({ client }, id) => client.cache.extract()[`Message:${id}`];

// What tools ask first. It nests deeper than other operations may.
for (const options of [{}, { descriptions: true, inputValueDeprecation: true, oneOf: true, specifiedByUrl: true }]) {
  const schema = buildClientSchema(await request(getIntrospectionQuery(options)));
  assert.deepEqual(validateSchema(schema), []);
  assert.ok(schema.getSubscriptionType().getFields().events);
}

const ada = await person('ada');
const grace = await person('grace');

await started([ada.feed, grace.feed], async () => {
  const body = `apollo: is anyone listening? ${randomUUID()}`;
  return (await ada.mutate(SEND, { input: { to: { username: 'grace' }, body } }, 'sendMessage')).id;
});

// Grace opens the conversation.
const { directConversation } = await grace.query(CONVERSATION_WITH, { username: 'ada' }, 'user');
const opened = await grace.query(MESSAGES, { id: directConversation.id }, 'conversation');
const before = opened.messages.nodes.at(-1);

// Ada writes, and grace hears exactly that.
const hello = { to: { username: 'grace' }, body: `apollo: hello ${randomUUID()}`, key: randomUUID() };
const sent = await ada.mutate(SEND, { input: hello }, 'sendMessage');
assert.equal(sent.body, hello.body);
assert.equal(sent.sender.username, 'ada');
assert.equal(sent.conversation.id, directConversation.id);
assert.equal(sent.seq, before.seq + 1);
const heard = (await grace.feed.next("ada's message")).message;
assert.deepEqual(heard, sent);

// Both caches hold it once, under its id, from the event here and from the mutation there.
for (const someone of [ada, grace]) {
  const entry = cached(someone, sent.id);
  assert.equal(entry?.body, hello.body);
  assert.equal(entry.seq, sent.seq);
  assert.deepEqual(entry.sender, { __ref: `User:${sent.sender.id}` });
}

// Grace's page, read again, points at that same entry.
const again = await grace.query(MESSAGES, { id: directConversation.id }, 'conversation', 'network-only');
assert.equal(again.messages.nodes.at(-1).id, sent.id);
assert.equal(again.messages.nodes.at(-2).id, before.id);

// The same key gives the same message and no second event: the next one that grace hears is another message.
const repeated = { ...hello, key: randomUUID(), body: `apollo: once ${randomUUID()}` };
const once = await ada.mutate(SEND, { input: repeated }, 'sendMessage');
const twice = await ada.mutate(SEND, { input: repeated }, 'sendMessage');
assert.deepEqual(twice, once);
assert.equal(once.seq, sent.seq + 1);
assert.equal((await grace.feed.next('the message sent twice')).message.id, once.id);

// Grace answers twice into the conversation.
const answers = [];
for (const text of ['first', 'second']) {
  const input = { to: { conversationId: directConversation.id }, body: `apollo: ${text} answer ${randomUUID()}` };
  answers.push(await grace.mutate(SEND, { input }, 'sendMessage'));
}
assert.deepEqual(answers.map(({ seq }) => seq), [once.seq + 1, once.seq + 2]);
for (const answer of answers) assert.deepEqual((await grace.feed.next('her own answer')).message, answer);

// Ada has heard it all in order, her own doings included.
assert.deepEqual((await ada.feed.next('her own message')).message, sent);
assert.deepEqual((await ada.feed.next('her second message')).message, once);
for (const answer of answers) assert.deepEqual((await ada.feed.next("grace's answer")).message, answer);

ada.feed.assertEmpty('ada heard more than happened');
grace.feed.assertEmpty('grace heard more than happened');
await Promise.all([ada.leave(), grace.leave()]);
done('apollo');
