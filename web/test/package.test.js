// The npm package as it is packed: its files, its types, and its entries in the
// runtimes that they are for. bundlers_test.go opens it in a browser.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { instantiate } from '../guest.js';

const run = promisify(execFile);
const web = join(import.meta.dirname, '..');
const wasm = join(web, '../wasm/bin/nearside.wasm');
const tools = join(web, 'node_modules/.bin');

const skip =
  (!existsSync(wasm) && 'wasm/bin/nearside.wasm is not built: run `make wasm`') || (!existsSync(tools) && 'no node_modules: run `make npm`');

const now = 1800001000; // good for the vectors
const history = [{ item: 'i3', kind: 'like' }];

/** @param {string} name */
const vector = (name) => readFileSync(join(web, '../testdata/vectors', name));

const dir = mkdtempSync(join(tmpdir(), 'nearside-'));
const npm = join(dir, 'node_modules/nearside');
/** @type {string} */
let tarball;

before(async () => {
  if (skip) return;
  tarball = (await run('node', [join(web, 'package.mjs'), dir])).stdout.trim();
  mkdirSync(npm, { recursive: true });
  await run('tar', ['-xzf', tarball, '-C', npm, '--strip-components', '1']);
  writeFileSync(join(dir, 'package.json'), '{ "type": "module" }');
});

after(() => rmSync(dir, { recursive: true }));

test('the package has these files and no others', { skip }, async () => {
  const { stdout } = await run('npm', ['pack', '--dry-run', '--json', '--offline'], { cwd: join(dir, 'nearside') });
  const paths = JSON.parse(stdout)[0].files.map((/** @type {{path: string}} */ { path }) => path).sort();
  const want = readFileSync(join(web, 'testdata/package.txt'), 'utf8');
  assert.equal([...paths, `${paths.length} files`, ''].join('\n'), want, 'if so it is to be: node web/package.mjs --update');
});

test('the same files at another time give the same package', { skip }, async () => {
  const [later, stage] = [join(dir, 'later'), join(dir, 'later/nearside')];
  for (const name of /** @type {string[]} */ (readdirSync(join(dir, 'nearside'), { recursive: true })).reverse()) {
    cpSync(join(dir, 'nearside', name), join(stage, name), { recursive: true });
  }
  await run('npm', ['pack', '--offline', '--pack-destination', later], { cwd: stage });
  assert.ok(readFileSync(tarball).equals(readFileSync(join(later, basename(tarball)))));
});

test('publint has nothing to say', { skip }, async () => {
  const { publint } = await import('publint');
  assert.deepEqual((await publint({ pkgDir: npm, pack: false, strict: true })).messages, []);
});

test('types resolve wherever modules do', { skip }, async () => {
  // What the import of a module gives is for each runtime to say, so it has no types.
  await run(join(tools, 'attw'), [tarball, '--profile', 'esm-only', '--exclude-entrypoints', './nearside.wasm', '--no-color']);
});

test('a program in TypeScript compiles against the types', { skip }, async () => {
  cpSync(join(web, 'testdata/types'), dir, { recursive: true });
  mkdirSync(join(dir, 'node_modules/@types'));
  for (const name of ['@types/react', 'vue', 'svelte']) symlinkSync(join(web, 'node_modules', name), join(dir, 'node_modules', name));
  const { default: ts } = await import('typescript');
  const program = ts.createProgram(['consumer.ts', 'faces.ts'].map((name) => join(dir, name)), {
    noEmit: true, strict: true, exactOptionalPropertyTypes: true, resolveJsonModule: true, types: [],
    target: ts.ScriptTarget.ESNext, module: ts.ModuleKind.NodeNext, lib: ['esnext', 'dom', 'dom.iterable'].map((name) => `lib.${name}.d.ts`),
  });
  // Other people's types, which take long, are theirs to check.
  const ours = program.getSourceFiles().filter(({ fileName }) => fileName.startsWith(dir));
  assert.ok(ours.length > 10);
  const problems = ours.flatMap((file) => [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)]);
  assert.deepEqual(problems.map(({ file, messageText }) => `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`), []);
});

/** What a bundler makes of a line of code. @param {string} contents @param {string[]} [external] */
async function bundled(contents, external = []) {
  const { build } = await import('esbuild');
  const { outputFiles } = await build({ stdin: { contents, resolveDir: dir }, bundle: true, minify: true, format: 'esm', write: false, external });
  return outputFiles[0].text;
}

test('bundlers leave out what is not used, and nothing that works by being there', { skip }, async () => {
  assert.ok((await bundled("export { NearsideError } from 'nearside'")).length < 500);
  const effect = /^(self\.onmessage = |customElements\.define\()/m;
  const sources = /** @type {string[]} */ (readdirSync(npm, { recursive: true })).filter((name) => name.endsWith('.js'));
  const effective = sources.filter((name) => effect.test(readFileSync(join(npm, name), 'utf8')));
  assert.ok(effective.length >= 5, effective.join());
  for (const name of effective) assert.notEqual(await bundled(`import './node_modules/nearside/${name}'`), '', name);
  assert.equal((await bundled("import 'nearside/element'")).match(/customElements\.define\(/g)?.length, 3);
});

test('sri.json has what a page loads', { skip }, () => {
  const read = (/** @type {string} */ name) => readFileSync(join(npm, name));
  const names = /** @type {string[]} */ (readdirSync(npm, { recursive: true })).filter((name) => /\.(js|wasm)$/.test(name) && !name.startsWith('runtimes/'));
  const want = names.sort().map((name) => [name, { integrity: `sha384-${createHash('sha384').update(read(name)).digest('base64')}`, bytes: read(name).length }]);
  assert.deepEqual(JSON.parse(read('sri.json').toString()), Object.fromEntries(want));
});

test('links of the README stay in the package', { skip }, () => {
  for (const [, target] of readFileSync(join(npm, 'README.md'), 'utf8').matchAll(/\]\(([^)#]+)/g)) assert.ok(existsSync(join(npm, target)), target);
});

/** The examples of the README's part on what there is without a page, by a word that each has. @param {string} word */
function example(word) {
  const [, part] = /^## Without a page$(.*?)^## /ms.exec(readFileSync(join(web, 'README.md'), 'utf8')) ?? [];
  const [found, ...more] = [...part.matchAll(/^```js\n(.*?)^```$/gms)].map(([, body]) => body).filter((body) => body.includes(word));
  assert.ok(found && more.length === 0, `README.md has one example with ${word}`);
  return found;
}

/** A folder with a program in it, at a time that suits the model beside it. @param {string} name @param {string} body */
function program(name, body) {
  const folder = join(dir, name);
  mkdirSync(folder);
  for (const file of ['bundle.nsb', 'root.nsr']) writeFileSync(join(folder, file), vector(file.replace(/^[a-z]+/, 'ials')));
  writeFileSync(join(folder, 'clock.js'), `Date.now = () => ${1000 * now};`);
  writeFileSync(join(folder, 'main.js'), `import './clock.js';\n${body}`);
  return folder;
}

/** What the module answers to history. */
async function answer() {
  const guest = await instantiate(readFileSync(wasm));
  guest.open(vector('ials.nsr'), vector('ials.nsb'), now);
  const events = history.map((event) => ({ ...event, time: now, weight: 1 }));
  return guest.recommend({ k: 3, now, events, reasons: 3, exclude: [] });
}

/** Asks a server of the README for a list, and compares. @param {string} url */
async function ask(url) {
  const response = await fetch(url, { method: 'POST', body: JSON.stringify({ events: history }) });
  assert.equal(response.status, 200);
  const { items, receipt } = await response.json();
  const want = await answer();
  assert.deepEqual(receipt, want.receipt);
  assert.deepEqual(items.map((/** @type {any} */ { id, score }) => [id, score]), want.items.map(({ id, score }) => [id, score]));
  assert.deepEqual(items[0].reasons, [{ id: 'i3', kind: 'like', time: now, share: 1 }]);
}

/**
 * Runs a server until it has been asked.
 *
 * @param {string} folder
 * @param {string[]} command
 * @param {RegExp} listening finds the port in what it prints on stdout, stderr or descriptor 3
 */
async function serve(folder, [name, ...args], listening) {
  const server = spawn(name, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe', 'pipe'], env: { ...process.env, NO_COLOR: '1', DENO_SERVE_ADDRESS: 'tcp:127.0.0.1:0' } });
  try {
    let said = '';
    const port = await new Promise((resolve, reject) => {
      server.on('error', reject);
      server.on('exit', () => reject(new Error(`${name} ended: ${said}`)));
      for (const stream of server.stdio.slice(1)) {
        createInterface(/** @type {import('node:stream').Readable} */ (stream)).on('line', (line) => {
          said += `${line}\n`;
          const found = listening.exec(line);
          if (found) resolve(found[1]);
        });
      }
    });
    await ask(`http://127.0.0.1:${port}/`);
    await ask(`http://127.0.0.1:${port}/`); // the next one finds it open
  } finally {
    server.removeAllListeners('exit');
    server.kill();
  }
}

test('in Node', { skip }, async () => {
  const { stdout } = await run('node', ['main.js'], { cwd: program('node', example('nearside/node')) });
  assert.equal(stdout, (await answer()).items.map(({ id }) => id).join() + '\n');
});

/**
 * The program of a runtime, or the reason why there is none. What npm calls deno and
 * workerd only starts it, and would leave it behind.
 *
 * @param {() => Promise<string>} find
 * @returns {Promise<{binary: string, reason?: string}>}
 */
async function runtime(find) {
  try {
    const binary = await find();
    await run(binary, ['--version']);
    return { binary };
  } catch (error) {
    return { binary: '', reason: `it does not start here: ${/** @type {Error} */ (error).message}` };
  }
}

test('in Deno', { skip }, async (t) => {
  const { binary: deno, reason } = await runtime(async () => (await import('deno/install_api.cjs')).default.runInstall());
  if (reason) return t.skip(reason);
  const folder = program('deno', example('nearside/deno'));
  await serve(folder, [deno, 'run', '--no-prompt', '--node-modules-dir=manual', '--allow-read=..', '--allow-net=127.0.0.1', 'main.js'], /:(\d+)\//);
});

test('in workerd', { skip }, async (t) => {
  const { binary: workerd, reason } = await runtime(async () => (await import('workerd')).default.default);
  if (reason) return t.skip(reason);
  const folder = program('workerd', example('nearside/workerd'));
  const out = join(folder, 'out');
  const { build } = await import('esbuild'); // as the tools for deploying do: modules and data stay files
  await build({ absWorkingDir: folder, entryPoints: ['main.js'], bundle: true, format: 'esm', conditions: ['workerd'], loader: { '.nsb': 'copy', '.nsr': 'copy', '.wasm': 'copy' }, outdir: out });
  const kinds = { '.js': 'esModule', '.wasm': 'wasm', '.nsb': 'data', '.nsr': 'data' };
  const modules = readdirSync(out).sort((a, b) => Number(b === 'main.js') - Number(a === 'main.js')).map((name) => {
    const kind = kinds[/** @type {keyof typeof kinds} */ (name.slice(name.lastIndexOf('.')))];
    return `(name = "${name}", ${kind} = embed "${name}")`;
  });
  writeFileSync(join(out, 'config.capnp'), `
    using Workerd = import "/workerd/workerd.capnp";
    const config :Workerd.Config = (
      services = [(name = "main", worker = (compatibilityDate = "2026-11-01", modules = [${modules.join(', ')}]))],
      sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")]
    );`);
  await serve(out, [workerd, 'serve', 'config.capnp', '--control-fd=3'], /"listen".*"port":(\d+)/);
});

test('the module alone', { skip }, async () => {
  const body = `
    import { readFileSync } from 'node:fs';
    const wasm = readFileSync(new URL(import.meta.resolve('nearside/nearside.wasm')));
    const [bundle, root] = ['bundle.nsb', 'root.nsr'].map((name) => readFileSync(name));
    const response = new Response(bundle, { headers: { 'content-length': bundle.length } });
    ${example('nearside/guest')}
    console.log(items.length, guest.manifest().length > 0);
    ${example('guest.receive')}
    console.log(arriving.open);`;
  const { stdout } = await run('node', ['main.js'], { cwd: program('guest', body) });
  assert.equal(stdout, '10 true\ntrue\n');
});
