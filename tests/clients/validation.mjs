// The validator of graphql-js, against the server's: documents that are written by hand and made at random, with values for
// their variables, are refused by both, or by neither. Further words are a seed, and how many are made.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { GraphQLError, Kind, buildSchema, getVariableValues, parse, validate } from 'graphql';
import { DEADLINE, HTTP, done } from './support.mjs';
import { Author } from './validation-author.mjs';
import { HAND_WRITTEN, REFUSED_ONLY_HERE } from './validation-corpus.mjs';

const seed = Number(process.argv[3] ?? 7);
const many = Number(process.argv[4] ?? 1_500);
const BATCH = 10;

const schema = buildSchema(readFileSync(new URL('../../schema.graphql', import.meta.url), 'utf8'));

/** What graphql-js says against a document, or else against the values of the variables of its only operation. */
function faults(query, variables) {
  try {
    const document = parse(query);
    const invalid = validate(schema, document);
    const operations = document.definitions.filter(({ kind }) => kind === Kind.OPERATION_DEFINITION);
    if (invalid.length || operations.length > 1) return invalid.map(({ message }) => message);
    const { errors = [] } = getVariableValues(schema, operations[0].variableDefinitions, variables);
    return errors.map(({ message }) => message);
  } catch (error) {
    if (error instanceof GraphQLError) return [error.message];
    throw error;
  }
}

async function post(body, accept) {
  const answer = await fetch(HTTP, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(DEADLINE),
  });
  return answer.text();
}

const subscribes = ({ query }) => /\bsubscription\b/.test(query);

/** The answers to documents of which none subscribes. */
async function answers(documents) {
  const batch = documents.map(({ query, variables }) => ({ query, variables }));
  return JSON.parse(await post(batch, 'application/graphql-response+json'));
}

/** The first answer of a subscription; nobody is signed in, so there is no other. */
async function first(document) {
  const events = await post(document, 'text/event-stream');
  return JSON.parse(events.match(/^data: ?(\{.*\})$/m)[1]);
}

const isRefused = (answer) => !('data' in answer) && answer.errors[0].extensions.code === 'BAD_USER_INPUT';
const isLimited = (answer) => isRefused(answer) && /more than|deeper than/.test(answer.errors[0].message);

const tally = { valid: 0, invalid: 0, limited: 0 };

function compare({ query, variables }, answer) {
  if (isLimited(answer)) {
    tally.limited += 1;
    return;
  }
  const expected = faults(query, variables);
  const told = [query, variables, expected, answer].map((part) => JSON.stringify(part)).join('\n');
  assert.equal(isRefused(answer), expected.length > 0, `seed ${seed}:\n${told}`);
  tally[expected.length ? 'invalid' : 'valid'] += 1;
}

async function answerAll(documents, take) {
  const others = documents.filter((document) => !subscribes(document));
  for (let at = 0; at < others.length; at += BATCH) {
    const batch = others.slice(at, at + BATCH);
    const answered = await answers(batch);
    batch.forEach((document, index) => take(document, answered[index]));
  }
  for (const document of documents.filter(subscribes)) take(document, await first(document));
}

for (const [query, valid, variables = {}] of HAND_WRITTEN) {
  assert.equal(faults(query, variables).length === 0, valid, `${query}: ${faults(query, variables)}`);
}
const byHand = HAND_WRITTEN.map(([query, , variables = {}]) => ({ query, variables }));
const author = new Author(schema, seed);
const made = Array.from({ length: many }, () => author.document());
// What was found valid once is not validated again.
for (const documents of [byHand, byHand, made, made]) await answerAll(documents, compare);
const onlyHere = REFUSED_ONLY_HERE.map(([query, variables = {}]) => ({ query, variables }));
await answerAll(onlyHere, ({ query, variables }, answer) => {
  assert.deepEqual(faults(query, variables), []);
  assert.ok(isRefused(answer), `${query}\n${JSON.stringify(answer)}`);
});
assert.ok(tally.valid > many / 2 && tally.invalid > many / 2, JSON.stringify(tally));
assert.ok(tally.limited < many / 10, JSON.stringify(tally));
done(`validation (${JSON.stringify(tally)})`);
