// Throw-away vectors until web/bench/world makes them.
//
//   node web/bench/make-world.js DIR [SIZE...]

import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sizeOf } from './report.js';

const [dir, ...sizes] = process.argv.slice(2);
if (!dir) {
  console.error('usage: node web/bench/make-world.js DIR [SIZE...]');
  process.exit(2);
}
const d = 64;
const q = 250;
const seed = 7;

for (const name of sizes.length ? sizes : ['10k', '100k']) {
  const n = sizeOf(name);
  let state = seed;
  const uniform = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  const spread = Float64Array.from({ length: d }, (_, f) => 1 / Math.sqrt(1 + f));
  const clusters = 200;
  const centres = Float64Array.from({ length: clusters * d }, (_, i) => normal() * spread[i % d]);
  const members = Array.from({ length: clusters }, () => /** @type {number[]} */ ([]));
  const items = new Float32Array(n * d);
  for (let row = 0; row < n; row++) {
    const c = Math.floor(uniform() * clusters);
    members[c].push(row);
    const norm = 0.3 + (1 + row) ** -0.15;
    for (let f = 0; f < d; f++) items[row * d + f] = norm * (0.7 * centres[c * d + f] + 0.7 * normal() * spread[f]);
  }
  const queries = new Float32Array(q * d);
  const truth = new Uint32Array(q * 10);
  for (let i = 0; i < q; i++) {
    const own = members[Math.floor(uniform() * clusters)];
    for (let j = 0; j < 5; j++) {
      const row = own[Math.floor(uniform() * own.length)];
      for (let f = 0; f < d; f++) queries[i * d + f] += items[row * d + f] / 5;
    }
    for (let f = 0; f < d; f++) queries[i * d + f] += 0.1 * normal() * spread[f];
    const scores = new Float64Array(n);
    for (let row = 0; row < n; row++) {
      let sum = 0;
      for (let f = 0; f < d; f++) sum += items[row * d + f] * queries[i * d + f];
      scores[row] = sum;
    }
    const best = [];
    let bar = -Infinity;
    for (let row = 0; row < n; row++) {
      if (scores[row] <= bar) continue;
      best.push(row);
      best.sort((a, b) => scores[b] - scores[a] || a - b);
      if (best.length > 10) best.pop();
      if (best.length === 10) bar = scores[best[9]];
    }
    truth.set(best, i * 10);
  }
  const folder = join(dir, name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'items.f32'), items);
  writeFileSync(join(folder, 'queries.f32'), queries);
  writeFileSync(join(folder, 'truth.u32'), truth);
  const sha256 = createHash('sha256').update(items).digest('hex');
  writeFileSync(join(folder, 'world.json'), `${JSON.stringify({ n, d, q, seed, sha256 })}\n`);
  console.error(`${folder}: ${n} x ${d}, ${q} queries`);
}
