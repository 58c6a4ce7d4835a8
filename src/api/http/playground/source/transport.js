// GraphiQL's fetcher: queries and mutations over HTTP, subscriptions over WebSocket (graphql-transport-ws).

import { getIntrospectionQuery, getOperationAST, parse } from 'graphql';
import { createClient } from 'graphql-ws';
import { accessToken, hasCode, listen, post, renew, snapshot } from './session.js';

const KEPT_EVENTS = 100;
const ATTEMPTS = 20;

const isUnauthenticated = (errors) => hasCode(errors, 'UNAUTHENTICATED');
const setsAuthorization = (headers) => Object.keys(headers).some((name) => name.toLowerCase() === 'authorization');
const bearer = (token) => (token ? { authorization: `Bearer ${token}` } : {});

/** The operation meant. GraphiQL's name for it lags behind for a moment when the tab changes: then there is only one to mean. */
function operation(payload) {
  try {
    const document = parse(payload.query);
    return getOperationAST(document, payload.operationName) ?? getOperationAST(document);
  } catch {
    return null; // the server says what is wrong with it
  }
}

export function fetcher(payload, { headers } = {}) {
  // What the headers pane says wins.
  const given = headers ?? {};
  const asked = operation(payload);
  const request = asked ? { ...payload, operationName: asked.name?.value } : payload;
  if (asked?.operation === 'subscription') return subscription(request, given, asked);
  if (request.operationName === 'IntrospectionQuery') return introspect(request, given);
  return execute(request, given);
}

async function execute(payload, headers) {
  if (setsAuthorization(headers)) return post(payload, headers);
  const token = await accessToken();
  const result = await post(payload, { ...bearer(token), ...headers });
  if (!token || !isUnauthenticated(result.errors)) return result;
  const renewed = await renew(token);
  return renewed ? post(payload, { ...bearer(renewed), ...headers }) : result;
}

/** Asks for @oneOf and deprecated inputs too, so that the editor knows them; with the plain query where that is refused. */
async function introspect(payload, headers) {
  const full = await execute({ ...payload, query: getIntrospectionQuery({ oneOf: true, inputValueDeprecation: true }) }, headers);
  return full.data?.__schema ? full : execute(payload, headers);
}

function subscription(request, headers, asked) {
  const own = !setsAuthorization(headers);
  const resumes = asked.variableDefinitions?.some(({ variable }) => variable.name.value === 'after');

  return {
    subscribe(sink) {
      const received = [];
      let count = 0;
      let token = null;
      let refused = false;
      let mayRenew = own;
      let close = () => {};

      const end = (tell) => {
        unlisten();
        close();
        tell();
      };
      const { id } = snapshot().session ?? {};
      // A feed belongs to who was signed in when it was started.
      const unlisten = listen(() => own && snapshot().session?.id !== id && end(() => sink.complete()));

      /** One renewal and one new try, where the server does not take our token. */
      const again = (otherwise) => {
        if (!mayRenew || !token) return otherwise();
        mayRenew = false;
        refused = true;
        close();
        open();
      };

      function open() {
        // A client for each subscription: its identity and its headers are its socket's.
        const client = createClient({
          url: `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/graphql`,
          async connectionParams() {
            if (own) {
              token = refused ? await renew(token) : await accessToken();
              refused = false;
            }
            return { ...bearer(token), ...headers };
          },
          connectionAckWaitTimeout: 10_000,
          keepAlive: 20_000,
          retryAttempts: ATTEMPTS,
          retryWait: (retries) =>
            new Promise((go) => setTimeout(go, Math.min(250 * 2 ** retries, 5_000) * (0.5 + Math.random()))),
          // Browsers report a server that is away as an event without a code.
          shouldRetry: (event) => !(event.code >= 4400 && event.code <= 4429),
        });
        let current = true;
        const unsubscribe = client.subscribe(request, {
          next(result) {
            if (!current) return;
            if (isUnauthenticated(result.errors)) return again(() => show(result));
            show(result);
          },
          error(error) {
            if (!current) return;
            if (isUnauthenticated(error) || error?.code === 4403 || error?.code === 4401) {
              return again(() => end(() => sink.error(readable(error))));
            }
            end(() => sink.error(readable(error)));
          },
          complete() {
            if (current) end(() => sink.complete());
          },
        });
        close = () => {
          current = false;
          unsubscribe();
          void client.dispose();
        };
      }

      function show(result) {
        mayRenew = own;
        // After a break the feed goes on from the last event that was seen.
        const cursor = result.data && Object.values(result.data)[0]?.cursor;
        if (resumes && cursor) request.variables = { ...request.variables, after: cursor };
        received.unshift(result);
        received.length = Math.min(received.length, KEPT_EVENTS);
        count += 1;
        sink.next({ received: count, latestFirst: received });
      }

      open();
      return { unsubscribe: () => end(() => {}) };
    },
  };
}

/** A close event, or whatever else ended the socket, as something to read in the result pane. */
function readable(error) {
  if (Array.isArray(error)) return error;
  if (typeof error?.code === 'number') {
    return { message: `The connection was closed: ${error.code} ${error.reason ?? ''}`.trim() };
  }
  return { message: error?.message ?? 'The server could not be reached.' };
}
