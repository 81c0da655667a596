// What it takes to verify a channel, warm, in V8: root.nsr as it is trusted,
// head and release, both signed by 2 of 3 keys. Prints the median, the least and
// the first of each step.
//
//   node web/bench/chain.js [runs]

import { readFileSync } from 'node:fs';
import { instantiate } from '../guest.js';

const runs = Number(process.argv[2] ?? 200);
const read = (path) => new Uint8Array(readFileSync(new URL(`../../${path}`, import.meta.url)));
const guest = await instantiate(read('wasm/bin/nearside.wasm'));
const files = new Map();
const channel = (name) => {
  if (!files.has(name)) files.set(name, read(`testdata/channel/${/^(root|head)/.test(name) ? 'before' : 'news'}/${name}`));
  return files.get(name);
};
const now = 1_800_001_000;

/** @type {Map<string, number[]>} milliseconds by step */
const times = new Map();
const note = (step, ms) => times.set(step, [...(times.get(step) ?? []), ms]);
const anchor = guest.follow({ anchor: channel('root.nsr'), channel: 'test/news', now }).state;
for (let run = 0; run < runs; run++) {
  const begin = performance.now();
  let step = guest.follow({ anchor, now });
  while (step.want) {
    const name = step.want;
    const file = channel(name);
    const from = performance.now();
    step = guest.follow({ anchor: step.state, now, name, file });
    note(name.replace(/[0-9a-f]{64}/, '…'), performance.now() - from);
  }
  if (!step.release) throw new Error('no release');
  note('all', performance.now() - begin);
}

for (const [step, list] of times) {
  const sorted = list.toSorted((a, b) => a - b);
  console.log(`${step}: ${sorted[runs >> 1].toFixed(2)} ms, least ${sorted[0].toFixed(2)}, first ${list[0].toFixed(1)}`);
}
