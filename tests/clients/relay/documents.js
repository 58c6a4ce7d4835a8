// What a Relay app would ask. Only the compiler reads this; relay.mjs runs what it makes of it.

import { graphql } from 'relay-runtime';

graphql`
  fragment documents_message on Message {
    id
    seq
    body
    sender { id username }
  }
`;

graphql`
  fragment documents_messages on Conversation
  @refetchable(queryName: "documentsMessagesPaginationQuery")
  @argumentDefinitions(last: { type: "Int", defaultValue: 5 }, before: { type: "String" }) {
    messages(last: $last, before: $before) @connection(key: "documents_messages", filters: []) {
      __id
      edges {
        cursor
        node { ...documents_message @relay(mask: false) }
      }
      pageInfo { hasPreviousPage startCursor }
    }
  }
`;

graphql`
  query documentsConversationQuery($id: ID!) {
    conversation(id: $id) {
      id
      ...documents_messages
    }
  }
`;

graphql`
  query documentsWithQuery($username: String!) {
    user(username: $username) { id directConversation { id } }
  }
`;

// Anything that has an id can be fetched anew by it.
graphql`
  fragment documents_person on User @refetchable(queryName: "documentsPersonRefetchQuery") {
    id
    username
    friendship
    mutualFriends(first: 3) { totalCount }
  }
`;

graphql`
  query documentsPeopleQuery {
    viewer {
      friends(first: 10) @connection(key: "documents_friends", filters: []) {
        __id
        totalCount
        edges { node { id username friendship } }
      }
      friendRequests(first: 10) @connection(key: "documents_friendRequests", filters: []) {
        __id
        edges { note node { id username friendship } }
      }
    }
  }
`;

graphql`
  mutation documentsSendMutation($input: SendMessageInput!, $connections: [ID!]!) {
    sendMessage(input: $input) @appendNode(connections: $connections, edgeTypeName: "MessageEdge") {
      ...documents_message @relay(mask: false)
    }
  }
`;

graphql`
  mutation documentsAcceptMutation($userId: ID!, $friends: [ID!]!, $requests: [ID!]!) {
    acceptFriendRequest(userId: $userId) @appendNode(connections: $friends, edgeTypeName: "FriendEdge") {
      id @deleteEdge(connections: $requests)
      username
      friendship
    }
  }
`;

graphql`
  subscription documentsEventsSubscription($conversationId: ID!, $connections: [ID!]!) {
    events(conversationId: $conversationId) {
      __typename
      ... on MessageSent {
        message @appendNode(connections: $connections, edgeTypeName: "MessageEdge") {
          ...documents_message @relay(mask: false)
        }
      }
    }
  }
`;
