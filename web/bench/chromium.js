// The Chromium host: a browser for each peer, one page in it, files from a
// loopback server.

import { createReadStream, existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { delimiter, extname, join, normalize, sep } from 'node:path';
import { bench, cache, filePath } from './paths.js';

const kinds = { '.js': 'text/javascript', '.mjs': 'text/javascript', '.wasm': 'application/wasm' };

/** @type {{url: string, close: () => void} | undefined} */
let server;
/** @type {Map<string, string>} a path of the server: a file */
const shared = new Map();

/** Isolated, because then the clock's step is 5 µs and not 100. */
const headers = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp', 'Cache-Control': 'no-store' };

async function serve() {
  const http = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    const path = decodeURIComponent(pathname);
    if (path === '/') return response.writeHead(200, { ...headers, 'Content-Type': 'text/html' }).end('<!doctype html><title>peers</title>');
    const file = shared.get(path) ?? (/^\/(page|session)\.js$/.test(path) ? join(bench, path) : '');
    if (!file || !existsSync(file)) return response.writeHead(404, headers).end();
    response.writeHead(200, { ...headers, 'Content-Type': /** @type {any} */ (kinds)[extname(file)] ?? 'application/octet-stream' });
    createReadStream(file).pipe(response);
  });
  await new Promise((resolve) => http.listen(0, '127.0.0.1', () => resolve(undefined)));
  const { port } = /** @type {import('node:net').AddressInfo} */ (http.address());
  return { url: `http://127.0.0.1:${port}`, close: () => http.close() };
}

/** Lets the page fetch a file. @param {string} file */
function share(file) {
  const path = `/${shared.size}/${normalize(file).split(sep).at(-1)}`;
  for (const [known, was] of shared) if (was === file) return known;
  shared.set(path, file);
  return path;
}

/** @returns {string} */
function executable() {
  const named = process.env.NEARSIDE_CHROMIUM;
  const found = named ? [named] : ['chromium', 'chromium-browser', 'google-chrome'].flatMap((name) => (process.env.PATH ?? '').split(delimiter).map((dir) => join(dir, name)));
  const path = found.find((file) => existsSync(file));
  if (!path) throw new Error('no Chromium found\ninstall the package chromium, or name a browser in NEARSIDE_CHROMIUM');
  return path;
}

const browser = async () => {
  const { chromium } = await import('playwright-core');
  return chromium.launch({
    executablePath: executable(),
    args: [
      '--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-renderer-backgrounding',
      '--disable-background-timer-throttling', '--disable-backgrounding-occluded-windows', '--js-flags=--expose-gc --max-old-space-size=4096',
    ],
  });
};

export async function describe() {
  const one = await browser();
  const version = one.version();
  await one.close();
  return `Chromium ${version}, headless`;
}

/** @returns {Promise<import('./peers.js').Seat>} */
export async function launch() {
  server ??= await serve();
  const { url } = server;
  const own = await browser();
  const page = await own.newPage();
  const devtools = await own.newBrowserCDPSession();
  let crashed = () => {};
  /** @type {Promise<never>} */
  const gone = new Promise((_, reject) => (crashed = () => reject(new Error('the page crashed'))));
  gone.catch(() => {});
  page.on('crash', crashed);
  await page.goto(url);
  await page.addScriptTag({ type: 'module', content: "import * as page from '/page.js'; globalThis.peer = page;" });
  await page.waitForFunction(() => 'peer' in globalThis);
  return {
    async call(step, argument, seconds = 600) {
      let sent = argument;
      if (step === 'prepare') {
        const { name, dir, wire, files, inputs, shape } = argument;
        const pair = (/** @type {string} */ key, /** @type {string} */ file) => [key, share(file)];
        sent = {
          shape,
          code: share(join(cache, `${name}.mjs`)),
          wire: share(wire),
          queries: share(join(dir, 'queries.f32')),
          files: files.map((/** @type {string} */ file) => pair(file, filePath(file))),
          inputs: inputs.map((/** @type {string} */ file) => pair(file, join(dir, file))),
        };
      }
      /** @type {NodeJS.Timeout} */
      let timer;
      const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`${step}: more than ${seconds} s`)), seconds * 1000);
      });
      const answer = page.evaluate(([step, argument]) => /** @type {any} */ (globalThis).peer.call(step, argument), [step, sent]).catch((error) => {
        throw new Error(error.message.split('\n')[0].replace(/^page\.evaluate: (Error: )?/, ''));
      });
      answer.catch(() => {});
      return Promise.race([answer, gone, late]).finally(() => clearTimeout(timer));
    },
    /** Resident bytes of the browser's renderers; where /proc is missing, nothing. */
    async resident() {
      const { processInfo } = await devtools.send('SystemInfo.getProcessInfo');
      let sum = 0;
      for (const { type, id } of processInfo) {
        if (type !== 'renderer') continue;
        const status = await readFile(`/proc/${id}/status`, 'utf8').catch(() => '');
        sum += Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? NaN) * 1024;
      }
      return Number.isNaN(sum) ? undefined : sum;
    },
    close: () => own.close(),
  };
}

export async function stop() {
  server?.close();
  server = undefined;
}
