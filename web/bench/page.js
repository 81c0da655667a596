// One peer in a page; the harness asks through the DevTools protocol. See
// chromium.js.

import { runner } from './session.js';

/** @type {ReturnType<typeof runner> | undefined} */
let run;

const bytes = async (/** @type {string} */ path) => {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path}: HTTP ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
};

/** Everything is fetched here, so that no timed step touches the network. */
async function prepare(/** @type {any} */ { shape, code, wire, queries, files, inputs }) {
  const held = new Map();
  for (const [name, path] of [...files, ...inputs]) held.set(name, await bytes(path));
  const blob = (/** @type {Uint8Array} */ body, /** @type {string} */ type) => URL.createObjectURL(new Blob([/** @type {any} */ (body)], { type }));
  const script = blob(await bytes(code), 'text/javascript');
  const get = async (/** @type {string} */ name) => held.get(name);
  run = runner({
    shape,
    wire: await bytes(wire),
    queries: new Float32Array((await bytes(queries)).buffer),
    host: { file: get, input: get, url: async (name) => blob(held.get(name), 'application/wasm') },
    load: () => import(script),
  });
}

/** @param {string} step @param {any} argument */
export const call = (step, argument) => (step === 'prepare' ? prepare(argument) : /** @type {any} */ (run)[step](argument));
