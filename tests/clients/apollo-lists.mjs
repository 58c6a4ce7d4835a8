// Apollo Client's cache kept true by mutations and events alone: what a screen shows is what asking anew would show.
// The events come over a WebSocket (graphql-ws), or with `multipart` over HTTP, which Apollo Client speaks by itself.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { gql } from '@apollo/client';
import { complaints, person } from './apollo-person.mjs';
import { Feed, done, started } from './support.mjs';

const transport = process.argv[3] ?? 'websocket';

const MESSAGE = gql`
  fragment Shown on Message {
    id
    seq
    body
    sender { id username }
    editedAt
    deletedAt
    reactions { emoji count users { id } }
  }
`;
const WITH = gql`
  query With($username: String!) { user(username: $username) { id directConversation { id } } }
`;
const MESSAGES = gql`
  query Messages($id: ID!, $before: String) {
    conversation(id: $id) {
      id
      lastMessage { id }
      messages(last: 5, before: $before) {
        edges { node { ...Shown } }
        pageInfo { startCursor hasPreviousPage }
      }
    }
  }
  ${MESSAGE}
`;
const FRIENDS = gql`
  query Friends($after: String) {
    viewer {
      friends(first: 2, after: $after) { totalCount edges { node { id username friendship } } pageInfo { endCursor hasNextPage } }
      friendRequests { totalCount edges { note node { id username friendship } } pageInfo { hasNextPage } }
    }
  }
`;
const EVENTS = gql`
  subscription Events {
    events {
      __typename
      cursor
      ... on MessageSent { message { ...Shown conversation { id lastMessage { id } } } }
      ... on MessageEdited { message { ...Shown } }
      ... on MessageDeleted { message { ...Shown } }
      ... on ReactionsChanged { message { ...Shown } }
      ... on FriendshipChanged { user { id username friendship } }
    }
  }
  ${MESSAGE}
`;
const SEND = gql`
  mutation Send($input: SendMessageInput!) {
    sendMessage(input: $input) { ...Shown conversation { id lastMessage { id } } }
  }
  ${MESSAGE}
`;
const EDIT = gql`
  mutation Edit($id: ID!, $body: String!) { editMessage(id: $id, body: $body) { ...Shown } }
  ${MESSAGE}
`;
const DELETE = gql`
  mutation Delete($id: ID!) { deleteMessage(id: $id) { ...Shown } }
  ${MESSAGE}
`;
const REACT = gql`
  mutation React($id: ID!, $emoji: String!) { addReaction(messageId: $id, emoji: $emoji) { ...Shown } }
  ${MESSAGE}
`;
const TAKE_BACK = gql`
  mutation TakeBack($id: ID!, $emoji: String!) { removeReaction(messageId: $id, emoji: $emoji) { ...Shown } }
  ${MESSAGE}
`;
const ACCEPT = gql`
  mutation Accept($id: ID!) { acceptFriendRequest(userId: $id) { id username friendship } }
`;

// ---- what a client does to its lists, once for mutations and events: taking the same in twice changes nothing

const holds = (connection, id) => connection.edges.some(({ node }) => node.__ref === id);

function append(cache, of, field, edgeType, node) {
  const id = cache.identify(node);
  cache.modify({
    id: cache.identify(of),
    fields: {
      [field]: (connection, { toReference }) =>
        holds(connection, id)
          ? connection
          : {
              ...connection,
              ...('totalCount' in connection ? { totalCount: connection.totalCount + 1 } : {}),
              edges: [...connection.edges, { __typename: edgeType, node: toReference(id) }],
            },
    },
  });
}

function remove(cache, of, field, node) {
  const id = cache.identify(node);
  cache.modify({
    id: cache.identify(of),
    fields: {
      [field]: (connection) =>
        holds(connection, id)
          ? {
              ...connection,
              totalCount: connection.totalCount - 1,
              edges: connection.edges.filter((edge) => edge.node.__ref !== id),
            }
          : connection,
    },
  });
}

const VIEWER = { __typename: 'Viewer' };

const wasSent = (cache, message) =>
  append(cache, { __typename: 'DirectConversation', id: message.conversation.id }, 'messages', 'MessageEdge', message);

function isNow(cache, user) {
  if (user.friendship !== 'REQUEST_RECEIVED') remove(cache, VIEWER, 'friendRequests', user);
  if (user.friendship === 'FRIENDS') append(cache, VIEWER, 'friends', 'FriendEdge', user);
}

/** Someone who keeps their lists up to date by events. */
async function listener(login) {
  const someone = await person(login, transport);
  const feed = new Feed(({ __typename }) => __typename === 'MessageSent');
  someone.subscribe(EVENTS, feed, ({ __typename, message, user }) => {
    if (__typename === 'MessageSent') wasSent(someone.client.cache, message);
    if (__typename === 'FriendshipChanged') isNow(someone.client.cache, user);
  });
  return { ...someone, feed };
}

const [ada, grace, barbara] = await Promise.all(['ada', 'grace', 'barbara'].map(listener));
const say = (text) => ({ input: { to: { username: 'grace' }, body: `apollo: ${text} ${randomUUID()}`, key: randomUUID() } });
await started([ada.feed, grace.feed], async () => (await ada.mutate(SEND, say('anyone?'), 'sendMessage')).id);

// ---- pages: the newest five messages, and back to the first one

const { directConversation } = await ada.query(WITH, { username: 'grace' }, 'user');
const shown = ({ conversation }) => conversation.messages.edges.map(({ node }) => node);
const screens = [ada, grace].map((someone) => someone.screen(MESSAGES, directConversation));
for (const screen of screens) {
  let page = await screen.until('the newest page', (data) => shown(data).length === 5);
  while (page.conversation.messages.pageInfo.hasPreviousPage) {
    const [before, count] = [page.conversation.messages.pageInfo.startCursor, shown(page).length];
    await screen.more({ ...directConversation, before });
    page = await screen.until('an older page', (data) => shown(data).length > count);
  }
  const seqs = shown(page).map(({ seq }) => seq);
  assert.deepEqual(seqs, seqs.map((_, place) => place + 1), 'all messages once, in order');
  assert.ok(seqs.length > 10, 'more than two pages');
}

const people = ada.screen(FRIENDS);
const newcomer = barbara.screen(FRIENDS);
let known = await people.until('friends', () => true);
await people.more({ after: known.viewer.friends.pageInfo.endCursor });
known = await people.until('all friends', ({ viewer }) => !viewer.friends.pageInfo.hasNextPage);
const names = ({ edges }) => edges.map(({ node }) => node.username);
assert.deepEqual(names(known.viewer.friends), ['alan', 'grace', 'katherine']);
assert.deepEqual(names(known.viewer.friendRequests).sort(), ['barbara', 'hedy']);
await newcomer.until('friends', () => true);

// ---- from here on nobody asks: mutations answer, and events tell the others

for (const someone of [ada, grace, barbara]) someone.asked.length = 0;
const everyone = (what, condition) => Promise.all(screens.map((screen) => screen.until(what, condition)));
const find = (data, { id }) => shown(data).find((message) => message.id === id);

const first = await ada.mutate(SEND, say('first'), 'sendMessage', (cache, { data }) => wasSent(cache, data.sendMessage));
const second = await ada.mutate(SEND, say('second'), 'sendMessage'); // its event brings it to both
for (const feed of [ada.feed, grace.feed]) {
  for (const { id } of [first, second]) assert.equal((await feed.next('a message')).message.id, id);
}
for (const data of await everyone('both messages', (data) => find(data, first) && find(data, second))) {
  assert.deepEqual(shown(data).slice(-2).map(({ id }) => id), [first.id, second.id]);
  assert.equal(shown(data).filter(({ id }) => id === first.id).length, 1, 'once, by answer and event');
  assert.equal(data.conversation.lastMessage.id, second.id);
}

await ada.mutate(EDIT, { id: first.id, body: 'apollo: changed' }, 'editMessage');
await everyone('the edit', (data) => find(data, first).body === 'apollo: changed' && find(data, first).editedAt);

await ada.mutate(DELETE, { id: second.id }, 'deleteMessage');
await everyone('the deletion', (data) => find(data, second).deletedAt && find(data, second).body === null);

for (const emoji of ['🎉', '👍']) await grace.mutate(REACT, { id: first.id, emoji }, 'addReaction');
await everyone('two reactions', (data) => find(data, first).reactions.length === 2);
await grace.mutate(TAKE_BACK, { id: first.id, emoji: '🎉' }, 'removeReaction');
await everyone('one reaction', (data) => find(data, first).reactions.map(({ emoji }) => emoji).join() === '👍');

const asker = known.viewer.friendRequests.edges.find(({ node }) => node.username === 'barbara').node;
const accepted = await ada.mutate(ACCEPT, { id: asker.id }, 'acceptFriendRequest', (cache, { data }) =>
  isNow(cache, data.acceptFriendRequest),
);
assert.equal(accepted.friendship, 'FRIENDS');
const { viewer } = await people.until('her new friend', ({ viewer }) => viewer.friends.totalCount === 4);
assert.deepEqual(names(viewer.friends), ['alan', 'grace', 'katherine', 'barbara']);
assert.deepEqual([names(viewer.friendRequests), viewer.friendRequests.totalCount], [['hedy'], 1]);
await newcomer.until('who accepted', ({ viewer }) => names(viewer.friends).includes('ada'));

assert.deepEqual(ada.asked, ['Send', 'Send', 'Edit', 'Delete', 'Accept']);
assert.deepEqual(grace.asked, ['React', 'React', 'TakeBack']);
assert.deepEqual(barbara.asked, []);

// ---- asked anew, the server says the same

for (const someone of [ada, grace]) {
  const held = someone.client.cache.readQuery({ query: MESSAGES, variables: directConversation });
  const now = await someone.query(MESSAGES, directConversation, 'conversation', 'no-cache');
  assert.deepEqual(shown(held).slice(-5), shown({ conversation: now }));
  assert.deepEqual(held.conversation.lastMessage, now.lastMessage);
}
const now = await ada.query(FRIENDS, {}, 'viewer', 'no-cache');
assert.equal(now.friends.totalCount, 4);
assert.deepEqual(names(now.friendRequests), ['hedy']);

await Promise.all([ada, grace, barbara].map(({ leave }) => leave()));
assert.deepEqual(complaints, [], 'Apollo Client is content');
done(`apollo-lists over ${transport}`);
