// The audit of graphql-http: what GraphQL over HTTP requires of a server, and what it recommends.

import assert from 'node:assert/strict';
import { auditServer } from 'graphql-http';
import { HTTP, done } from './support.mjs';

const audits = await auditServer({ url: HTTP });
assert.ok(audits.length >= 61, `there are ${audits.length} audits`);
const missed = audits.filter(({ status }) => status !== 'ok');
assert.deepEqual(missed.map(({ status, id, name, reason }) => `${status} ${id}: ${name}: ${reason}`), []);
done('audit');
