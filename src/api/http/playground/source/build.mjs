// Builds ../index.html, ../icon.svg and, compressed, ../playground.js.gz, ../playground.css.gz, ../licences.txt.gz.

import { execFileSync } from 'node:child_process';
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, '..');

/** GraphiQL embeds eight fonts, half of the whole bundle; ours are the reader's. */
const withoutFonts = {
  name: 'without-fonts',
  setup({ onLoad }) {
    onLoad({ filter: /graphiql[/\\]dist[/\\]style\.css$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replace(/@font-face\s*\{[^}]*\}/g, ''),
      loader: 'css',
    }));
  },
};

const { metafile, outputFiles } = await build({
  absWorkingDir: here,
  entryPoints: { playground: 'main.jsx' },
  outdir: out,
  bundle: true,
  write: false,
  metafile: true,
  minify: true,
  format: 'esm',
  target: ['es2022', 'chrome111', 'firefox121', 'safari16.4'],
  jsx: 'automatic',
  alias: { 'react-style-singleton': join(here, 'no-style-elements.js') },
  define: { 'process.env.NODE_ENV': '"production"' },
  legalComments: 'none',
  banner: { js: '/* Licences: /playground/licences.txt */', css: '/* Licences: /playground/licences.txt */' },
  plugins: [withoutFonts],
  logLevel: 'warning',
});

const bundled = new Set();
for (const input of Object.keys(metafile.inputs)) {
  const folder = input.match(/^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//)?.[1];
  if (folder) bundled.add(folder);
}
const licences = [...bundled].sort().map((folder) => {
  const { name, version, license } = JSON.parse(readFileSync(join(here, folder, 'package.json'), 'utf8'));
  const file = readdirSync(join(here, folder)).find((entry) => /^licen[cs]e(\.|$)/i.test(entry));
  const text = file ? readFileSync(join(here, folder, file), 'utf8').replace(/\r\n/g, '\n').trim() : '';
  return { title: `${name} ${version} (${license})`, text };
});
// Many of them are the same text: each is printed once, under all the packages that it covers.
const byText = Map.groupBy
  ? Map.groupBy(licences, ({ text }) => text)
  : licences.reduce((map, entry) => map.set(entry.text, [...(map.get(entry.text) ?? []), entry]), new Map());
const listing = [...byText]
  .map(([text, entries]) => `${entries.map(({ title }) => title).join('\n')}\n\n${text || 'These packages name their licence and carry no text of it.'}\n`)
  .join(`\n${'-'.repeat(72)}\n\n`);

const gzip = (name, contents) => {
  const packed = execFileSync('gzip', ['-9n'], { input: contents, maxBuffer: 1 << 26 });
  writeFileSync(join(out, `${name}.gz`), packed);
  console.log(`${name}: ${contents.length} bytes, ${packed.length} compressed`);
};
for (const { path, contents } of outputFiles) gzip(path.endsWith('.css') ? 'playground.css' : 'playground.js', contents);
gzip('licences.txt', Buffer.from(`What the playground's files contain besides Chatterbox's own code.\n\n${listing}`));
copyFileSync(join(here, 'index.html'), join(out, 'index.html'));
copyFileSync(join(here, 'icon.svg'), join(out, 'icon.svg'));
console.log(licences.map(({ title }) => title).join('\n'));
