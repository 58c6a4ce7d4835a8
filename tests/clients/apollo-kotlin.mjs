// Apollo Kotlin, as Android apps have it: its compiler makes models of the SDL (in Java, which needs no Kotlin compiler),
// and its runtime talks. scripts/test has fetched both.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HTTP, ORIGIN, done, signIn } from './support.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

const jars = here('../../target/apollo-kotlin');
assert.ok(existsSync(jars), `${jars} is missing: run ./scripts/test`);

const folder = mkdtempSync(join(tmpdir(), 'apollo-kotlin-'));
process.on('exit', () => rmSync(folder, { recursive: true }));
const schema = join(folder, 'schema.graphqls');
writeFileSync(schema, await (await fetch(`${ORIGIN}/schema.graphql`)).text());

const run = (command, ...words) => execFileSync(command, words, { stdio: 'inherit' });
// To start soon, rather than to run fast once warm.
const quickly = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xshare:auto'];
const libraries = join(jars, '*');
const models = join(folder, 'models');
const classes = join(folder, 'classes');

run('java', ...quickly, '-cp', libraries, here('apollo-kotlin/Generate.java'), schema, here('operations.graphql'), models);
const sources = readdirSync(models, { recursive: true }).filter((name) => name.endsWith('.java'));
assert.ok(sources.length > 20, `${sources.length} models`);
const files = [...sources.map((name) => join(models, name)), here('apollo-kotlin/Talk.java')];
run('javac', ...quickly.map((option) => `-J${option}`), '-nowarn', '-encoding', 'UTF-8', '-cp', libraries, '-d', classes, ...files);
const tokens = [await signIn('ada'), await signIn('grace')];
run('java', ...quickly, '-cp', `${libraries}:${classes}`, 'Talk', HTTP, ...tokens);
done('apollo-kotlin');
