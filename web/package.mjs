// Makes the npm package: the sources as they are, the types that TypeScript reads
// out of their comments, the module, and the hashes of what a page loads.
//
//	node web/package.mjs [FOLDER] [--update]
//
// FOLDER, .cache/npm when left out, gets the package in `nearside` and its tarball
// beside that. The same sources give the same bytes. --update rewrites
// testdata/package.txt, the golden list of the package's files.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import ts from 'typescript';

/** Folders of the package with sources; of the first two a page loads them. */
const folders = ['', 'faces', 'runtimes'];
const loaded = folders.slice(0, 2);

const web = import.meta.dirname;
const wasm = join(web, '../wasm/bin/nearside.wasm');

const { values, positionals } = parseArgs({ options: { update: { type: 'boolean' } }, allowPositionals: true });
const out = resolve(positionals[0] ?? join(web, '../.cache/npm'));
const stage = join(out, 'nearside');

const sources = sourcesIn(folders);
rmSync(stage, { recursive: true, force: true });
for (const name of sources) copy(join(web, name), name);
copy(wasm, 'nearside.wasm');
copy(join(web, '../LICENSE'), 'LICENSE');
write('README.md', readme());
write('package.json', json(manifest()));
write('sri.json', json(integrity([...sourcesIn(loaded), 'nearside.wasm'])));
writeTypes();

const [{ filename, files }] = JSON.parse(execFileSync('npm', ['pack', '--json', '--offline', '--pack-destination', out], { cwd: stage, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
if (values.update) {
  const paths = files.map((/** @type {{path: string}} */ { path }) => path).sort();
  writeFileSync(join(web, 'testdata/package.txt'), [...paths, `${paths.length} files`, ''].join('\n'));
}
console.log(join(out, filename));

/** @param {string[]} list */
function sourcesIn(list) {
  const present = list.filter((folder) => existsSync(join(web, folder)));
  return present.flatMap((folder) => readdirSync(join(web, folder)).filter((name) => name.endsWith('.js')).map((name) => join(folder, name))).sort();
}

/** What package.json says to those who install the package. */
function manifest() {
  const { private: _, scripts, devDependencies, ...rest } = JSON.parse(readFileSync(join(web, 'package.json'), 'utf8'));
  return rest;
}

/** The README without what needs the repository: its last sections, and links that lead out of this folder. */
function readme() {
  const [used] = readFileSync(join(web, 'README.md'), 'utf8').split(/^## The demo$/m);
  return used.trimEnd().replaceAll(/\[([^\]]+)\]\(\.\.\/[^)]+\)/g, '$1') + '\n';
}

/** Bytes and hash of files, as the attribute integrity wants it. @param {string[]} names */
function integrity(names) {
  return Object.fromEntries(names.map((name) => {
    const body = readFileSync(join(stage, name));
    return [name, { integrity: `sha384-${createHash('sha384').update(body).digest('base64')}`, bytes: body.length }];
  }));
}

/** Writes a .d.ts beside each source. */
function writeTypes() {
  const { config } = ts.readConfigFile(join(web, 'tsconfig.json'), ts.sys.readFile);
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, web);
  const program = ts.createProgram(sources.map((name) => join(web, name)), {
    ...options, noEmit: false, declaration: true, emitDeclarationOnly: true, rootDir: web, rootDirs: undefined, outDir: stage, skipLibCheck: true,
  });
  const diagnostics = [...ts.getPreEmitDiagnostics(program), ...program.emit().diagnostics];
  if (diagnostics.length === 0) return;
  throw new Error(ts.formatDiagnostics(diagnostics, { getCanonicalFileName: (name) => name, getCurrentDirectory: () => web, getNewLine: () => '\n' }));
}

/** @param {string} from @param {string} name */
function copy(from, name) {
  mkdirSync(dirname(join(stage, name)), { recursive: true });
  copyFileSync(from, join(stage, name));
}

/** @param {string} name @param {string} text */
function write(name, text) {
  writeFileSync(join(stage, name), text);
}

/** @param {any} value */
function json(value) {
  return JSON.stringify(value, null, 2) + '\n';
}
