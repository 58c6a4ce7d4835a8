// Someone with Apollo Client and its normalised cache, set up as its documentation says.

import assert from 'node:assert/strict';
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from '@apollo/client';
import { SetContextLink } from '@apollo/client/link/context';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { relayStylePagination } from '@apollo/client/utilities';
import { OperationTypeNode, buildSchema, isAbstractType } from 'graphql';
import { createClient } from 'graphql-ws';
import { filter, firstValueFrom, map } from 'rxjs';
import WebSocket from 'ws';
import { HTTP, ORIGIN, WS, signIn, within } from './support.mjs';

const schema = buildSchema(await (await fetch(`${ORIGIN}/schema.graphql`)).text());
const possibleTypes = Object.fromEntries(
  Object.values(schema.getTypeMap())
    .filter(isAbstractType)
    .map((type) => [type.name, schema.getPossibleTypes(type).map(({ name }) => name)]),
);
const messages = { fields: { messages: relayStylePagination() } };
const typePolicies = {
  // There is one viewer, without an id.
  Viewer: {
    keyFields: [],
    fields: {
      friends: relayStylePagination(['query']),
      friendRequests: relayStylePagination(['direction']),
      conversations: relayStylePagination(),
    },
  },
  DirectConversation: messages,
  Group: messages,
  // A list that was asked for anew is the whole one.
  Message: { fields: { reactions: { merge: false } } },
};

/** What Apollo Client complains of, of anyone here. */
export const complaints = [];
for (const level of ['warn', 'error']) console[level] = (...words) => complaints.push(words.join(' '));

/** The link to a server: subscriptions over `graphql-ws`, or over HTTP like all else. */
function connect(subscriptions, connectionParams) {
  const http = new HttpLink({ uri: HTTP });
  if (subscriptions === 'multipart') return { link: http, close: async () => {} };
  const socket = createClient({ url: WS, webSocketImpl: WebSocket, connectionParams, retryAttempts: 0 });
  const link = ApolloLink.split(
    ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
    new GraphQLWsLink(socket),
    http,
  );
  return { link, close: () => socket.dispose() };
}

/** Someone who is signed in. `asked` are the names of the operations that went to the server. */
export async function person(login, subscriptions = 'websocket') {
  const authorization = `Bearer ${await signIn(login)}`;
  const asked = [];
  const counted = new ApolloLink((operation, forward) => {
    asked.push(operation.operationName);
    return forward(operation);
  });
  const authorized = new SetContextLink(({ headers }) => ({ headers: { ...headers, authorization } }));
  const { link, close } = connect(subscriptions, { authorization });
  const client = new ApolloClient({
    cache: new InMemoryCache({ possibleTypes, typePolicies }),
    link: ApolloLink.from([counted, authorized, link]),
  });
  const run = async (method, options, field) => {
    const { data, error } = await within(client[method](options), field);
    assert.equal(error, undefined);
    return data[field];
  };
  const open = [];
  return {
    login,
    client,
    asked,
    mutate: (mutation, variables, field, update) => run('mutate', { mutation, variables, update }, field),
    query: (query, variables, field, fetchPolicy) => run('query', { query, variables, fetchPolicy }, field),
    /** Shows what a query tells; `until` waits for what it shows, which only the cache changes. */
    screen: (query, variables) => {
      const watched = client.watchQuery({ query, variables });
      open.push(watched.subscribe(() => {}));
      const until = (what, holds) =>
        within(
          firstValueFrom(
            watched.pipe(
              filter(({ dataState }) => dataState === 'complete'),
              map(({ data }) => data),
              filter(holds),
            ),
          ),
          `${login} sees ${what}`,
        );
      return { until, more: (after) => within(watched.fetchMore({ variables: after }), `${login}'s next page`) };
    },
    subscribe: (query, feed, heard = () => {}) =>
      open.push(
        client.subscribe({ query }).subscribe({
          next: ({ data, error }) => {
            if (error) return feed.fail(error);
            heard(data.events);
            feed.push(data.events);
          },
          error: feed.fail,
          complete: () => feed.fail(new Error(`${login}'s events ended`)),
        }),
      ),
    leave: async () => {
      for (const subscription of open) subscription.unsubscribe();
      client.stop();
      await close();
    },
  };
}
