// An app that uses what the generator made: that this compiles, strictly, is the test. codegen.mjs then runs it.

import { print } from 'graphql';
import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import { EventsDocument, HomeDocument, SendDocument } from './generated.js';
import type { EventsSubscription, PersonFragment, SendMessageInput } from './generated.js';

type Ask = (query: string, variables: unknown) => Promise<unknown>;

async function ask<Data, Variables>(by: Ask, document: TypedDocumentNode<Data, Variables>, variables: Variables): Promise<Data> {
  return (await by(print(document), variables)) as Data;
}

const called = ({ displayName, friendship }: PersonFragment): string =>
  friendship === 'SELF' ? 'me' : displayName;

/** What the conversations are called, by their types. */
export async function titles(by: Ask): Promise<string[]> {
  const { viewer } = await ask(by, HomeDocument, { first: 20 });
  return viewer.conversations.nodes.map((conversation): string => {
    switch (conversation.__typename) {
      case 'DirectConversation':
        return called(conversation.peer);
      case 'Group':
        return `${conversation.name} (${conversation.viewerRole ?? 'nobody'})`;
    }
  });
}

export async function say(by: Ask, username: string, body: string): Promise<number> {
  const input: SendMessageInput = { to: { username }, body };
  return (await ask(by, SendDocument, { input })).sendMessage.seq;
}

/** What an event says; each kind has its own fields. */
export function tell({ events }: EventsSubscription): string | null {
  switch (events.__typename) {
    case 'MessageSent':
      return events.message.body ?? null;
    case 'FriendshipChanged':
      return called(events.user);
    case 'TypingChanged':
      return events.typing ? events.user.id : null;
    default:
      return null;
  }
}

export const subscription: string = print(EventsDocument);

// What the schema forbids does not compile.
export const wrong = {
  // @ts-expect-error a message goes to exactly one place
  input: { to: { username: 'ada', userId: 'user_1' }, body: '' } satisfies SendMessageInput,
  // @ts-expect-error `first` is a number
  ask: (by: Ask) => ask(by, HomeDocument, { first: 'all' }),
};
