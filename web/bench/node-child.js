// One peer in a process of its own; the harness asks over IPC. See node.js.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { filePath, read } from './paths.js';
import { runner } from './session.js';

/** @type {ReturnType<typeof runner> | undefined} */
let run;

const steps = {
  rss: async () => process.memoryUsage().rss,
  /** @param {{name: string, dir: string, wire: string, files: string[], inputs: string[], shape: any}} what */
  async prepare({ name, dir, wire, files, inputs, shape }) {
    const held = new Map([...files.map((file) => [file, read(filePath(file))]), ...inputs.map((file) => [file, read(join(dir, file))])]);
    const get = async (/** @type {string} */ file) => held.get(file);
    // The library's JavaScript is in the page cache, as a page has it in its own.
    readFileSync(new URL(`peers/${name}.js`, import.meta.url));
    run = runner({
      shape,
      wire: read(wire),
      queries: new Float32Array(read(join(dir, 'queries.f32')).buffer),
      host: { file: get, input: get, url: async (file) => pathToFileURL(filePath(file)).pathname },
      load: () => import(`./peers/${name}.js`),
    });
  },
};

// Libraries that talk do so on stderr: stdout is the table.
console.log = console.warn = console.error;
process.on('message', async (/** @type {any} */ { step, argument }) => {
  try {
    const work = /** @type {any} */ (steps)[step] ?? /** @type {any} */ (run)[step];
    process.send?.({ value: await work(argument) });
  } catch (error) {
    process.send?.({ error: String(/** @type {any} */ (error)?.message ?? error) });
  }
});
