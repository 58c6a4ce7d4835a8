// Who is signed in, and their tokens. Nothing leaves this tab: sessionStorage only.
//
// A refresh token can be traded once, and a second trade ends the session. So there is one trade at a time, and a tab
// that was duplicated (browsers copy sessionStorage) starts signed out instead of sharing the original's token.

const ENDPOINT = '/graphql';
const STORED = 'chatterbox.playground.session';

const AUTHENTICATION = 'accessToken expiresAt refreshToken viewer { user { username } }';
const SIGN_IN = `mutation SignIn($input: SignInInput!) { signIn(input: $input) { ${AUTHENTICATION} } }`;
const REFRESH = `mutation Refresh($token: String!) { refreshSession(refreshToken: $token) { ${AUTHENTICATION} } }`;
const SIGN_OUT = 'mutation SignOut { signOut }';

/** One request over HTTP; gives the result of the operation, or throws what can be shown to a person. */
export async function post(payload, headers) {
  let response;
  try {
    response = await fetch(ENDPOINT, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/graphql-response+json, application/json',
        ...headers,
      },
      body: JSON.stringify(payload),
    });
  } catch (cause) {
    throw { message: `The server did not answer: ${cause.message}` };
  }
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    throw { message: `The server answered ${response.status} ${response.statusText}`.trim(), body: text.slice(0, 2000) };
  }
}

export const hasCode = (errors, ...codes) =>
  Array.isArray(errors) && errors.some((error) => codes.includes(error?.extensions?.code));

const firstMessage = (result) => result.errors?.[0]?.message ?? 'The answer held neither data nor an error.';

let state = { session: null, notice: null };
const listeners = new Set();
let releaseLock = () => {};

function set(session, notice = null) {
  if (session?.id !== state.session?.id) {
    releaseLock();
    if (session) void hold(session.id);
  }
  state = { session, notice };
  try {
    if (session) sessionStorage.setItem(STORED, JSON.stringify(session));
    else sessionStorage.removeItem(STORED);
  } catch {
    // a browser that stores nothing: the session lasts as long as the page
  }
  for (const listener of [...listeners]) listener();
}

const lockName = (id) => `chatterbox.playground.session.${id}`;

/** Holds the session's lock while it is this tab's. False: another tab has it. `navigator.locks` exists on https and localhost only. */
function hold(id, patience = 0) {
  if (!navigator.locks) return Promise.resolve(true);
  return new Promise((answer) => {
    const signal = patience ? { signal: AbortSignal.timeout(patience) } : { ifAvailable: true };
    navigator.locks
      .request(lockName(id), signal, (lock) => {
        answer(lock !== null);
        if (lock) return new Promise((release) => (releaseLock = release));
      })
      .catch(() => answer(false));
  });
}

/** Takes up what an earlier load of this tab left. */
export async function restore() {
  let session = null;
  try {
    session = JSON.parse(sessionStorage.getItem(STORED));
  } catch {
    // not ours, cut short, or a browser that stores nothing
  }
  // The page before a reload may take a moment to let go.
  if (typeof session?.refreshToken !== 'string') set(null);
  else if (await hold(session.id, 500)) state = { session, notice: null };
  else set(null, 'That session belongs to another tab: sign in here too.');
}

function fromAuthentication({ accessToken, expiresAt, refreshToken, viewer }, id) {
  // The token's own lifetime, counted from now: right also where this computer's clock is not.
  let lifetime = Date.parse(expiresAt) - Date.now();
  try {
    const claims = JSON.parse(atob(accessToken.split('.')[1].replace(/-/g, '+').replace(/_/g, '/')));
    if (claims.exp > claims.iat) lifetime = (claims.exp - claims.iat) * 1000;
  } catch {
    // opaque
  }
  const renewAt = Date.now() + lifetime - Math.min(30_000, lifetime / 5);
  return { id, accessToken, refreshToken, username: viewer.user.username, renewAt };
}

export async function signIn(login, password) {
  const result = await post({ query: SIGN_IN, variables: { input: { login, password, device: 'Playground' } } });
  if (!result.data?.signIn) throw { message: firstMessage(result) };
  set(fromAuthentication(result.data.signIn, Math.random().toString(36).slice(2)));
}

export async function signOut() {
  const token = state.session?.accessToken;
  set(null);
  // The session ends here whatever the server says; it would have to be told with a token that still counts.
  if (token) await post({ query: SIGN_OUT }, { authorization: `Bearer ${token}` }).catch(() => {});
}

let renewal = null;

/**
 * Trades the refresh token, because `stale` is about to expire or was refused. Gives the token to use now, or null if
 * the session has ended. Whoever asks meanwhile waits for the same trade.
 */
export function renew(stale) {
  if (!state.session) return Promise.resolve(null);
  if (state.session.accessToken !== stale) return Promise.resolve(state.session.accessToken);
  renewal ??= trade(state.session).finally(() => (renewal = null));
  return renewal;
}

async function trade({ id, refreshToken }) {
  const result = await post({ query: REFRESH, variables: { token: refreshToken } });
  const current = () => state.session?.id === id;
  if (result.data?.refreshSession) {
    const session = fromAuthentication(result.data.refreshSession, id);
    if (current()) set(session);
    return current() ? session.accessToken : null;
  }
  if (!hasCode(result.errors, 'UNAUTHENTICATED', 'INVALID_CREDENTIALS', 'NOT_FOUND', 'FORBIDDEN')) {
    throw { message: `The session could not be renewed: ${firstMessage(result)}` };
  }
  if (current()) set(null, 'Your session has ended: sign in again.');
  return null;
}

/** The access token to send, renewed if need be; null when signed out. */
export async function accessToken() {
  const { session } = state;
  if (!session) return null;
  return Date.now() < session.renewAt ? session.accessToken : renew(session.accessToken);
}

export const snapshot = () => state;
export function listen(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
