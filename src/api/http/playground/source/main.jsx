import { GraphiQL } from 'graphiql';
import { useState, useSyncExternalStore } from 'react';
import { createRoot } from 'react-dom/client';
import { listen, restore, signIn, signOut, snapshot } from './session.js';
import { fetcher } from './transport.js';
import 'graphiql/style.css';
import './playground.css';

const VIEWER = `# Sign in above, then press Ctrl-Enter.
query Viewer {
  viewer {
    user { id username displayName }
    friends(first: 10) {
      totalCount
      edges {
        lastChattedAt
        node {
          id
          username
          displayName
        }
      }
    }
    conversations(first: 10) {
      nodes {
        __typename
        id
        ... on DirectConversation { peer { username } }
        lastMessage {
          seq
          body
          sentAt
          sender { username }
        }
      }
    }
  }
}
`;

const SEND = `mutation SendMessage($body: String!) {
  sendMessage(
    input: { to: { username: "grace" }, body: $body }
  ) {
    id
    seq
    body
    sentAt
    sender { username }
    conversation { id }
  }
}
`;

const EVENTS = `# Press Ctrl-Enter to start, and again to stop.
# What happens is listed latest first. After a break
# in the connection the feed goes on where it was:
# the playground puts the last cursor into $after.
subscription Events($after: String) {
  events(after: $after) {
    __typename
    cursor
    at
    ... on MessageSent {
      message {
        id
        seq
        body
        sender { username }
        conversation { id }
      }
    }
    ... on FriendshipChanged { user { username friendship } }
  }
}
`;

const TABS = [
  { query: VIEWER },
  { query: SEND, variables: JSON.stringify({ body: 'Hello Grace!' }, null, 2) },
  { query: EVENTS },
];

/** GraphiQL keeps tabs and history in localStorage under fixed names; a prefix keeps other apps on localhost apart from us. */
function prefixed(prefix) {
  try {
    localStorage.getItem(prefix);
  } catch {
    return null; // a browser that stores nothing
  }
  const ours = () => Object.keys(localStorage).filter((key) => key.startsWith(prefix));
  return {
    getItem: (key) => localStorage.getItem(prefix + key),
    setItem: (key, value) => localStorage.setItem(prefix + key, value),
    removeItem: (key) => localStorage.removeItem(prefix + key),
    clear: () => ours().forEach((key) => localStorage.removeItem(key)),
    get length() {
      return ours().length;
    },
  };
}
const storage = prefixed('chatterbox.playground.');

function Bar() {
  const { session, notice } = useSyncExternalStore(listen, snapshot);
  return (
    <header className="bar">
      <img className="bar-icon" src="/playground/icon.svg" alt="" width="24" height="24" />
      <h1>
        Chatterbox <span>playground</span>
      </h1>
      <a className="bar-schema" href="/schema.graphql" target="_blank" rel="noreferrer">
        Schema
      </a>
      {session ? <SignedIn username={session.username} /> : <SignIn notice={notice} />}
    </header>
  );
}

function SignedIn({ username }) {
  return (
    <div className="bar-session">
      <span role="status">
        signed in as <strong>{username}</strong>
      </span>
      <button type="button" onClick={signOut}>
        Sign out
      </button>
    </div>
  );
}

function SignIn({ notice }) {
  const [busy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState(null);

  async function submit(event) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setBusy(true);
    setRefusal(null);
    try {
      await signIn(form.get('login').trim(), form.get('password'));
    } catch (error) {
      setRefusal(error.message);
      setBusy(false);
    }
  }

  return (
    <form className="bar-session" onSubmit={submit}>
      <input name="login" placeholder="login (demo: ada)" aria-label="Username or e-mail address" autoComplete="username" autoCapitalize="none" spellCheck={false} required />
      <input name="password" type="password" placeholder="password (demo: chatterbox)" aria-label="Password" autoComplete="current-password" required />
      <button type="submit" disabled={busy}>
        Sign in
      </button>
      <p className="bar-notice" role="alert">
        {refusal ?? notice}
      </p>
    </form>
  );
}

function Playground() {
  return (
    <>
      <Bar />
      <main>
        <GraphiQL
          fetcher={fetcher}
          defaultTabs={TABS}
          storage={storage}
          shouldPersistHeaders={false}
          defaultEditorToolsVisibility={window.innerWidth > 700 ? 'variables' : false}
        >
          <GraphiQL.Logo>{null}</GraphiQL.Logo>
        </GraphiQL>
      </main>
    </>
  );
}

await restore();
createRoot(document.getElementById('playground')).render(<Playground />);
