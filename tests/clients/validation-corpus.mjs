// Documents, whether they are valid (GraphQL, September 2025, section 5), and values for their variables.

const send = (input) => `mutation { sendMessage(input: ${input}) { seq } }`;

export const HAND_WRITTEN = [
  // 5.2.4.1: subscriptions have one field at their top.
  ['subscription { events { cursor } }', true],
  ['subscription { events { cursor } other: events { cursor } }', false],
  ['subscription { ...F } fragment F on Subscription { events { cursor } }', true],
  ['subscription { ...F events { cursor } } fragment F on Subscription { a: events { cursor } }', false],
  ['subscription { __typename }', false],
  // 5.3.2: what has one name in the answer is one field, or of one shape where only one of both can be there.
  ['{ viewer { user { a: username } } viewer { user { a: bio } } }', false],
  ['{ viewer { user { a: username } } viewer { user { a: username } } }', true],
  ['{ viewer { user { username } } ...F } fragment F on Query { viewer { user { username: bio } } }', false],
  ['{ node(id: "x") { ... on User { a: username } ... on Group { a: name } } }', true],
  ['{ node(id: "x") { ... on User { a: username } ... on Group { a: memberCount } } }', false],
  ['{ node(id: "x") { ... on User { a: username } ... on Group { a: description } } }', false],
  ['{ node(id: "x") { ... on User { a: mutualFriends { totalCount } } ... on Group { a: members { totalCount } } } }', true],
  ['{ node(id: "x") { ... on User { a: username } ... on Group { a: members { totalCount } } } }', false],
  ['{ a: user(username: "a") { id } a: user(username: "b") { id } }', false],
  ['{ a: user(username: "a") { id } a: user(username: "a") { username } }', true],
  ['query ($a: String!, $b: String!) { a: user(username: $a) { id } a: user(username: $b) { id } }', false, { a: 'a', b: 'b' }],
  ['{ users(first: 1, after: "x") { totalCount } users(after: "x", first: 1) { totalCount } }', true],
  ['{ ...A ...B } fragment A on Query { x: viewer { user { id } } } fragment B on Query { x: viewer { user { id: username } } }', false],
  // 5.6.1: of the right type.
  ['{ viewer { friendRequests(direction: "OUTGOING") { totalCount } } }', false],
  ['{ viewer { friendRequests(direction: OUTGOING) { totalCount } } }', true],
  ['{ viewer { friendRequests(direction: SIDEWAYS) { totalCount } } }', false],
  ['{ viewer { friendRequests(direction: null) { totalCount } } }', false],
  ['{ users(first: "1") { totalCount } }', false],
  ['{ users(first: 1.0) { totalCount } }', false],
  ['{ users(first: 3000000000) { totalCount } }', false],
  ['{ node(id: 7) { id } }', true],
  ['{ node(id: 7.5) { id } }', false],
  ['{ user(username: word) { id } }', false],
  ['{ user(username: 7) { id } }', false],
  ['query ($d: FriendRequestDirection = "OUTGOING") { viewer { friendRequests(direction: $d) { totalCount } } }', false],
  ['query ($a: Int = "1") { users(first: $a) { totalCount } }', false],
  ['query ($a: [Int] = 1) { users(first: $a) { totalCount } }', false],
  // 5.6.2 to 5.6.4: fields of input objects.
  [send('{ to: { username: "a" }, body: "x" }'), true],
  [send('{ to: { username: "a" }, body: "x", body: "x" }'), false],
  [send('{ to: { username: "a", username: "a" }, body: "x" }'), false],
  [send('{ to: { username: "a" }, body: "x", text: "x" }'), false],
  [send('{ to: { username: "a" } }'), false],
  [send('{ to: { username: "a" }, body: null }'), false],
  ['query ($t: MessageTarget = { username: "a", username: "b" }) { viewer { user { id } } }', false],
  // … of which one has to be there.
  [send('{ to: { username: "a", userId: "b" }, body: "x" }'), false],
  [send('{ to: { username: null }, body: "x" }'), false],
  [send('{ to: {}, body: "x" }'), false],
  ['mutation ($a: String!) { sendMessage(input: { to: { username: $a }, body: "x" }) { seq } }', true, { a: 'a' }],
  // 5.8.5: variables where their types may stand.
  ['query ($a: String) { users(first: $a) { totalCount } }', false],
  ['query ($a: Int) { users(first: $a) { totalCount } }', true],
  ['query ($a: Int!) { users(first: $a) { totalCount } }', true, { a: 1 }],
  ['query ($a: [Int]) { users(first: $a) { totalCount } }', false],
  ['query ($a: ID!) { user(username: $a) { id } }', false, { a: 'a' }],
  ['query ($a: String) { user(username: $a) { id } }', false, { a: 'a' }],
  ['query ($a: String = "a") { user(username: $a) { id } }', true],
  ['query ($a: String = null) { user(username: $a) { id } }', false, { a: 'a' }],
  ['query ($d: FriendRequestDirection) { viewer { friendRequests(direction: $d) { totalCount } } }', true],
  ['query ($i: Boolean) { viewer @include(if: $i) { user { id } } }', false, { i: true }],
  ['query ($i: Boolean = true) { viewer @include(if: $i) { user { id } } }', true],
  ['query ($a: String) { ...F } fragment F on Query { users(first: $a) { totalCount } }', false],
  ['query A($a: Int) { ...F } query B($a: String) { ...F } fragment F on Query { users(first: $a) { totalCount } }', false],
  ['mutation ($b: Int!) { sendMessage(input: { to: { username: "a" }, body: $b }) { seq } }', false, { b: 1 }],
  ['mutation ($b: String) { sendMessage(input: { to: { username: "a" }, body: $b }) { seq } }', false, { b: 'b' }],
  ['query ($a: [Nope!] = [1]) { users(first: $a) { totalCount } }', false],
  ['query ($a: Nope = 1) { users(first: $a) { totalCount } }', false],
  ['query ($a: [User!] = [1]) { users(first: $a) { totalCount } }', false],
  // Arguments that do not exist, of which nothing is given.
  ['query ($a: Int) { users(nothing: $a) { totalCount } }', false],
  ['query ($a: Int) { viewer @skip(if: true, nothing: $a) { user { id } } }', false],
  // Sections 4.1 and 5.7: `__typename`, and directives where they may not stand.
  ['query ($a: Boolean!) { __typename @skip(if: $a) }', true, { a: true }],
  ['query ($a: Boolean!) { viewer { user { __typename @include(if: $a) } } }', true, { a: true }],
  ['query ($a: Boolean) { __typename @skip(if: $a) }', false, { a: true }],
  ['{ __typename @nowhere }', false],
  ['{ __typename @skip }', false],
  ['{ __typename @skip(if: $a) }', false],
  ['{ __typename @skip(if: true) @skip(if: true) }', false],
  ['{ __typename(a: 1) }', false],
  ['{ __typename { id } }', false],
  ['query ($a: Int @skip(if: true)) { users(first: $a) { totalCount } }', false],
  ['query ($a: Int @nowhere) { users(first: $a) { totalCount } }', false],
  // Tokens: 2.1.9 says what may not stand together.
  ['{ nodes(ids: [00]) { id } }', false],
  ['{ nodes(ids: [1"x"]) { id } }', true],
  ['{ user(username: """a" [[[[) { id } }', false],
  [send('{ to: { username: "a" }, body: truebody: "x" }'), false],
  [send('{ to\ufeff: { username: "a" }, body\ufeff: "x" }'), true],
  [send('{ to: { username: "a" }, body\ufeff: "x", body: "x" }'), false],
  // Directives that stand twice, fragments that can't match, and what else is in a row with those above.
  ['{ viewer @skip(if: true) @skip(if: true) { user { id } } }', false],
  ['{ viewer { ... on Group { id } } }', false],
  ['{ viewer { ...F } } fragment F on Viewer { ...G } fragment G on Viewer { ...F }', false],
  ['{ viewer }', false],
  ['{ viewer { user { id { x } } } }', false],
  ['query A { viewer { user { id } } } query A { viewer { user { id } } }', false],
  ['{ __schema { types { name isOneOf inputFields(includeDeprecated: true) { name isDeprecated } } } }', true],
  ['{ __type(name: "User") { fields { args { name defaultValue } } } }', true],
];

/**
 * What the specification refuses, and graphql-js 16 does not: it looks neither at `__typename` nor through what is not
 * null, and takes directives at the top of a subscription.
 */
export const REFUSED_ONLY_HERE = [
  ['{ node(id: "x") { ... on User { a: mutualFriends { x: totalCount } } ... on Group { a: members { x: __typename } } } }'],
  ['mutation ($a: String) { sendMessage(input: { to: { username: $a }, body: "x" }) { seq } }', { a: 'a' }],
  ['mutation ($a: String = "a") { sendMessage(input: { to: { username: $a }, body: "x" }) { seq } }', { a: 'a' }],
  ['subscription { events @include(if: true) { cursor } }'],
  ['subscription { ... @skip(if: false) { events { cursor } } }'],
];
