// Streams over HTTP that the restart of the service breaks: each client comes back from its last cursor and misses nothing,
// graphql-sse by itself, Apollo Client by its RetryLink.
// Whoever runs this restarts the service when told so, and says when it is back.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { ApolloClient, ApolloLink, CombinedProtocolErrors, HttpLink, InMemoryCache, gql } from '@apollo/client';
import { RetryLink } from '@apollo/client/link/retry';
import { createClient } from 'graphql-sse';
import { print } from 'graphql';
import { DEADLINE, Feed, HTTP, done, send, signIn, started, within } from './support.mjs';

const EVENTS = gql`
  subscription Events($after: String) {
    events(after: $after) { __typename cursor ... on MessageSent { message { id seq body } } }
  }
`;

const ada = await signIn('ada');
const headers = { authorization: `Bearer ${await signIn('grace')}` };

let mayReturn = Promise.resolve();
const reasons = { sse: [], apollo: [] };

/** A feed whose cursor goes along, and what a break says. */
function follower(name) {
  const feed = new Feed(({ __typename }) => __typename === 'MessageSent');
  const variables = {};
  const next = ({ data, errors = [] }) => {
    reasons[name].push(...errors.map(({ extensions }) => extensions.code));
    if (!data) return;
    variables.after = data.events.cursor;
    feed.push(data.events);
  };
  return { feed, variables, next };
}

const sse = follower('sse');
const listener = createClient({ url: HTTP, headers, retryAttempts: 20, retry: () => mayReturn });
listener.subscribe(
  { query: print(EVENTS), variables: sse.variables },
  { next: sse.next, error: sse.feed.fail, complete: () => sse.feed.fail(new Error('the stream is complete')) },
);

const apollo = follower('apollo');
const retry = new RetryLink({
  attempts: async (count, operation, error) => {
    if (CombinedProtocolErrors.is(error)) reasons.apollo.push(...error.errors.map(({ extensions }) => extensions.code));
    operation.variables.after = apollo.variables.after;
    await mayReturn;
    return count < 20;
  },
  delay: { initial: 10, max: 100 },
});
const client = new ApolloClient({ cache: new InMemoryCache(), link: ApolloLink.from([retry, new HttpLink({ uri: HTTP, headers })]) });
const subscription = client.subscribe({ query: EVENTS, variables: apollo.variables, fetchPolicy: 'no-cache' }).subscribe({
  next: ({ data, error }) => (error ? apollo.feed.fail(error) : apollo.next({ data })),
  error: apollo.feed.fail,
  complete: () => apollo.feed.fail(new Error('the subscription is complete')),
});

const toGrace = (text) => send(ada, { username: 'grace' }, `over http: ${text} ${randomUUID()}`);
const feeds = [sse.feed, apollo.feed];
const hear = async (...messages) => {
  for (const feed of feeds) {
    for (const { id } of messages) assert.equal((await feed.next('a message')).message.id, id);
    feed.assertEmpty('something came twice');
  }
};

await started(feeds, async () => (await toGrace('is anyone listening?')).id);
await hear(await toGrace('live'));

let open;
mayReturn = new Promise((resolve) => (open = resolve));
const said = createInterface({ input: process.stdin });
console.log('restart');
await within(once(said, 'line'), 'the service to be back', 3 * DEADLINE);
said.close();
const missed = await toGrace('missed');
open();
await hear(missed, await toGrace('live again'));
assert.deepEqual(reasons, { sse: ['UNAVAILABLE'], apollo: ['UNAVAILABLE'] });

subscription.unsubscribe();
client.stop();
listener.dispose();
done('http-returns');
