// Times recommendations in V8, without a worker: the module alone.
//
//   node web/bench/recommend.js bundle.nsb root.nsr
//
// Histories are the catalogue's first items; medians of 400 calls after 100.

import { readFileSync } from 'node:fs'
import { performance } from 'node:perf_hooks'
import { instantiate } from '../guest.js'

const [bundle, root] = process.argv.slice(2)
if (!root) {
  console.error('usage: node web/bench/recommend.js BUNDLE ROOT')
  process.exit(2)
}
const read = (path) => new Uint8Array(readFileSync(path))
const now = Math.floor(Date.now() / 1000)
const guest = await instantiate(read(new URL('../../wasm/bin/nearside.wasm', import.meta.url)))
const start = performance.now()
guest.open(read(root), read(bundle), now)
console.log(`open ${(performance.now() - start).toFixed(0)} ms`)
const { items } = guest.items(Array.from({ length: 50 }, (_, i) => i))
const events = items.map(({ id }) => ({ item: id, kind: 'click', time: now, weight: 1 }))
for (const [n, reasons] of [[20, 0], [20, 3], [50, 3]]) {
  const times = []
  for (let i = 0; i < 500; i++) {
    const t = performance.now()
    guest.recommend({ k: 10, now, events: events.slice(0, n), reasons, exclude: [] })
    if (i >= 100) times.push(performance.now() - t)
  }
  times.sort((a, b) => a - b)
  console.log(`history ${n}, reasons ${reasons}: median ${times[200].toFixed(2)} ms, p95 ${times[380].toFixed(2)} ms`)
}
