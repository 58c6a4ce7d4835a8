// GraphQL Code Generator makes TypeScript of the SDL and of an app's operations; the compiler finds an app that uses it
// right, and the app runs.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { codegen } from '@graphql-codegen/core';
import * as typedDocumentNode from '@graphql-codegen/typed-document-node';
import * as typescriptOperations from '@graphql-codegen/typescript-operations';
import { buildASTSchema, parse, validate } from 'graphql';
import { ORIGIN, done, request, signIn } from './support.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

const schema = parse(await (await fetch(`${ORIGIN}/schema.graphql`)).text());
const document = parse(readFileSync(here('operations.graphql'), 'utf8'));
assert.deepEqual(validate(buildASTSchema(schema), document), []);

const folder = mkdtempSync(join(tmpdir(), 'codegen-'));
process.on('exit', () => rmSync(folder, { recursive: true }));
const generated = await codegen({
  filename: 'generated.ts',
  schema,
  documents: [{ location: 'operations.graphql', document }],
  config: { strictScalars: true, scalars: { DateTime: 'string' }, useTypeImports: true, enumsAsTypes: true },
  plugins: [{ typescriptOperations: {} }, { typedDocumentNode: {} }],
  pluginMap: { typescriptOperations, typedDocumentNode },
});
writeFileSync(join(folder, 'generated.ts'), generated);
copyFileSync(here('codegen/usage.ts'), join(folder, 'usage.ts'));
writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
symlinkSync(here('node_modules'), join(folder, 'node_modules'));

const strictly = ['--strict', '--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess', '--skipLibCheck'];
const tsc = [here('node_modules/typescript/bin/tsc'), ...strictly, '--target', 'es2022', '--module', 'nodenext', 'usage.ts'];
execFileSync(process.execPath, tsc, { cwd: folder, stdio: 'inherit' });

const app = await import(join(folder, 'usage.js'));
const token = await signIn('ada');
const by = (query, variables) => request(query, variables, token);
const titles = await app.titles(by);
assert.ok(titles.includes('Grace Hopper') && titles.includes('Analytical Engineers (OWNER)'), titles.join());
const seq = await app.say(by, 'grace', 'codegen: hello');
assert.equal(await app.say(by, 'grace', 'codegen: hello again'), seq + 1);
assert.match(app.subscription, /subscription Events/);
assert.equal(app.tell({ events: { __typename: 'MessageSent', cursor: 'c', message: { id: 'm', body: 'hello' } } }), 'hello');
done('codegen');
