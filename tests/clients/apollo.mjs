// Two people with Apollo Client, used the ordinary way: one cache each, HTTP for queries and mutations, graphql-ws for events.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { gql } from '@apollo/client';
import { buildClientSchema, getIntrospectionQuery, validateSchema } from 'graphql';
import { complaints, person } from './apollo-person.mjs';
import { Feed, done, request, started } from './support.mjs';

const CONVERSATION_WITH = gql`
  query ConversationWith($username: String!) {
    user(username: $username) { id username directConversation { id } }
  }
`;
const MESSAGES = gql`
  query Messages($id: ID!) {
    conversation(id: $id) {
      id
      messages(last: 20) { edges { cursor node { id seq body sender { id username } } } pageInfo { startCursor hasPreviousPage } }
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

/** With a feed of what they hear about messages. */
async function listener(login) {
  const someone = await person(login);
  const feed = new Feed((event) => event.__typename === 'MessageSent');
  someone.subscribe(EVENTS, feed);
  return { ...someone, feed };
}

const cached = ({ client }, id) => client.cache.extract()[`Message:${id}`];

// What tools ask first. It nests deeper than other operations may.
for (const options of [{}, { descriptions: true, inputValueDeprecation: true, oneOf: true, specifiedByUrl: true }]) {
  const schema = buildClientSchema(await request(getIntrospectionQuery(options)));
  assert.deepEqual(validateSchema(schema), []);
  assert.ok(schema.getSubscriptionType().getFields().events);
}

const ada = await listener('ada');
const grace = await listener('grace');

await started([ada.feed, grace.feed], async () => {
  const body = `apollo: is anyone listening? ${randomUUID()}`;
  return (await ada.mutate(SEND, { input: { to: { username: 'grace' }, body } }, 'sendMessage')).id;
});

// Grace opens the conversation.
const { directConversation } = await grace.query(CONVERSATION_WITH, { username: 'ada' }, 'user');
const opened = await grace.query(MESSAGES, { id: directConversation.id }, 'conversation');
const before = opened.messages.edges.at(-1).node;

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
assert.deepEqual(again.messages.edges.slice(-2).map(({ node }) => node.id), [before.id, sent.id]);

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
assert.deepEqual(complaints, [], 'Apollo Client is content');
done('apollo');
