import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { brotliCompressSync } from 'node:zlib';
import { build } from 'esbuild';

/** Bytes that every page loads, as a bundler makes them, with brotli. */
const most = 12 * 1024;

/**
 * A file with all that it imports, but what it loads later. Page and worker do
 * not share it: they are two files.
 *
 * @param {string} entry
 */
async function bundled(entry) {
  const { outputFiles: [{ contents }] } = await build({
    entryPoints: [new URL(`../${entry}`, import.meta.url).pathname],
    bundle: true, minify: true, write: false, format: 'esm', target: 'es2022',
    plugins: [{
      name: 'later',
      setup: ({ onResolve }) => onResolve({ filter: /./ }, ({ kind, path }) => (kind === 'dynamic-import' ? { path, external: true } : undefined)),
    }],
  });
  return brotliCompressSync(contents).length;
}

test('the SDK is small, and the README says how small', async (t) => {
  const [page, worker, channelWorker, following] = await Promise.all(['nearside.js', 'worker.js', 'channel-worker.js', 'following.js'].map(bundled));
  t.diagnostic(`page ${page}, worker ${worker}; with a channel: worker ${channelWorker}, later in the page ${following}`);
  assert.ok(page + worker <= most, `${page + worker} bytes, want at most ${most}`);
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const said = /^Size: ([\d.]+) kB with brotli.* ([\d.]+) kB more/m.exec(readme)?.slice(1).map(Number) ?? [];
  for (const [i, is] of [page + worker, channelWorker - worker + following].entries()) {
    assert.ok(Math.abs(1000 * said[i] / is - 1) < 0.03, `README.md says ${said[i]} kB, it is ${is} bytes`);
  }
});
