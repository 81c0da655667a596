// Builds an example: node build.js react DIR [development]. What is in DIR then
// is a site, but for the model: nearside.wasm, bundle.nsb and root.nsr.

import { build } from 'esbuild';
import { copyFile, mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [name, to, mode = 'production'] = process.argv.slice(2);
const here = import.meta.dirname;
const sdk = join(here, '..');
const mine = join(here, name);
const settings = /** @type {import('esbuild').BuildOptions} */ ({
  bundle: true,
  format: 'esm',
  minify: mode === 'production',
  logLevel: 'warning',
  conditions: ['module', mode],
  alias: { nearside: join(sdk, 'nearside.js'), ...Object.fromEntries(['element', 'react', 'vue', 'svelte'].map((face) => [`nearside/${face}`, join(sdk, `faces/${face}.js`)])) },
  define: {
    'process.env.NODE_ENV': JSON.stringify(mode),
    __VUE_OPTIONS_API__: 'false',
    __VUE_PROD_DEVTOOLS__: 'false',
    __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'false',
  },
  plugins: [{
    name: 'svelte',
    setup(build) {
      build.onLoad({ filter: /\.svelte$/ }, async ({ path }) => {
        const { compile } = await import('svelte/compiler');
        // Trees of elements, not innerHTML, which Trusted Types forbid.
        const { js } = compile(await readFile(path, 'utf8'), { filename: path, generate: build.initialOptions.platform === 'node' ? 'server' : 'client', fragments: 'tree', css: 'external', dev: mode !== 'production' });
        return { contents: js.code };
      });
    },
  }],
});

await mkdir(to, { recursive: true });
const workers = (await readdir(sdk)).filter((file) => file.endsWith('worker.js')).map((file) => join(sdk, file));
await build({ ...settings, entryPoints: [join(mine, 'app.js'), ...workers], outdir: to, entryNames: '[name]', target: 'es2022' });
await copyFile(join(here, 'style.css'), join(to, 'style.css'));
let page = await readFile(join(mine, 'index.html'), 'utf8');
if ((await readdir(mine)).includes('server.js')) {
  const server = join(to, 'server.mjs');
  await build({ ...settings, entryPoints: [join(mine, 'server.js')], outfile: server, platform: 'node', minify: false, banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" } });
  page = page.replace('<!-- server -->', (await import(pathToFileURL(server).href)).html);
}
await writeFile(join(to, 'index.html'), page);
