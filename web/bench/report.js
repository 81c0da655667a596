// What the harness does to words and numbers: nothing here needs a package or
// a browser.

export const peerNames = [
  'onnx-int8', 'onnx-float32', 'scan', 'nearside', 'nearside-fast', 'nearside-int8', 'hnswlib', 'tfjs', 'voy', 'orama', 'client-vector-search', 'loop',
];

export const usage = `usage: node web/bench/peers.js [flags]

Times in-browser nearest-neighbour libraries on the same vectors, in V8, on one
thread, and prints a Markdown table.

  --world DIR      folder of a world, or of one folder for each size (.cache/world)
  --sizes LIST     folders of DIR to take: 10k,100k,1m (all three)
  --peers LIST     ${peerNames.slice(0, 7).join(',')},
                   ${peerNames.slice(7).join(',')} (all)
  --hosts LIST     node,chromium (both)
  --rounds N       interleaved rounds, each peer in turn (5)
  --queries N      timed queries of each peer, over all rounds (200)
  --cold N         cold starts of each peer (5)
  --open-limit S   seconds that opening may take (180)
  --query-limit S  seconds that a query may take (5)
  --budget S       seconds for one peer's timed queries; fewer queries beyond (30)
  --memory-limit MB  resident after opening (6000)
  --json FILE      write everything that was measured
  --help           this text`;

const defaults = {
  world: '.cache/world', sizes: ['10k', '100k', '1m'], peers: peerNames, hosts: ['node', 'chromium'], rounds: 5, queries: 200, cold: 5,
  openLimit: 180, queryLimit: 5, budget: 30, memoryLimit: 6000, json: '', help: false,
};

/**
 * @typedef {typeof defaults} Options
 *
 * @param {string[]} args
 * @returns {Options}
 * @throws {Error} with a hint after a newline
 */
export function parseArgs(args) {
  const options = structuredClone(defaults);
  const rest = args.flatMap((arg) => (/^--[a-z-]+=/.test(arg) ? [arg.slice(0, arg.indexOf('=')), arg.slice(arg.indexOf('=') + 1)] : [arg]));
  while (rest.length > 0) {
    const flag = /** @type {string} */ (rest.shift());
    const key = flag.replace(/^--/, '').replace(/-([a-z])/g, (_, letter) => letter.toUpperCase());
    if (!flag.startsWith('--') || !Object.hasOwn(defaults, key)) throw new Error(`unknown argument "${flag}"\n--help lists them`);
    if (key === 'help') {
      options.help = true;
      continue;
    }
    const value = rest.shift();
    if (!value) throw new Error(`${flag} needs a value\n--help says which`);
    const was = /** @type {any} */ (defaults)[key];
    /** @type {any} */ (options)[key] = Array.isArray(was) ? list(flag, value) : typeof was === 'number' ? positive(flag, value) : value;
  }
  options.sizes.forEach(sizeOf);
  return options;
}

/** @param {string} flag @param {string} value */
function list(flag, value) {
  const words = value.split(',').filter(Boolean);
  const allowed = { '--peers': peerNames, '--hosts': defaults.hosts }[flag];
  const stranger = allowed && words.find((word) => !allowed.includes(word));
  if (stranger) throw new Error(`${flag}: no "${stranger}"\nthere are ${allowed.join(', ')}`);
  return words;
}

/** @param {string} flag @param {string} value */
function positive(flag, value) {
  const number = Number(value);
  if (!(number > 0)) throw new Error(`${flag} "${value}" is not a number above 0`);
  return number;
}

/** @param {string} name '10k', '1m' or digits @returns {number} rows */
export function sizeOf(name) {
  const [, digits, unit] = /^(\d+)([km]?)$/i.exec(name) ?? [];
  if (!Number(digits)) throw new Error(`size "${name}" is not a number of rows\nfor example 10k, 100k or 1m`);
  return Number(digits) * { k: 1e3, m: 1e6, '': 1 }[/** @type {'k' | 'm' | ''} */ (unit.toLowerCase())];
}

/** @param {number[]} values in any order @param {number} share 0 … 1 @returns {number} by nearest rank */
export function percentile(values, share) {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
}

/** @param {number[]} values @returns {number} */
export function median(values) {
  const sorted = Float64Array.from(values).sort();
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/**
 * The share of the true rows that were found, over all queries asked.
 *
 * @param {Map<number, ArrayLike<number>>} found rows by query
 * @param {Uint32Array} truth k rows for each query
 * @param {number} k
 */
export function recall(found, truth, k) {
  let hits = 0;
  for (const [query, rows] of found) {
    const right = new Set(truth.subarray(query * k, (query + 1) * k));
    for (const row of new Set(Array.from(rows).slice(0, k))) if (right.has(row)) hits++;
  }
  return hits / (found.size * k);
}

/** @param {number | undefined} value milliseconds, three digits */
export const time = (value) => (value === undefined ? '–' : value >= 99.95 ? value.toFixed(0) : value.toPrecision(3));

/** @param {number | undefined} value @param {number | undefined} base */
export function ratio(value, base) {
  if (!value || !base) return '–';
  const times = value / base;
  return times >= 9.95 ? times.toFixed(0) : times.toFixed(times < 0.995 ? 2 : 1);
}

/** @param {number | undefined} bytes */
export const megabytes = (bytes) => (bytes === undefined ? '–' : (bytes / 1e6).toFixed(bytes < 1e7 ? 2 : 0));

/**
 * @typedef {object} Row
 * @property {string} peer
 * @property {string} what a title
 * @property {string} [skipped] why there are no figures
 * @property {number[]} [times] milliseconds for each query
 * @property {number} [recall]
 * @property {number} [wireBytes]
 * @property {number} [resident] bytes, more than before the library was loaded
 * @property {number} [wasm] bytes of linear memory
 * @property {number[]} [cold] milliseconds to the first answer
 * @property {number[]} [settled] milliseconds until nothing is left to do
 * @property {number} [download] bytes, with brotli
 * @property {number} [n]
 *
 * @param {Row[]} rows the searches of onnx-int8, hnswlib and scan are what the others are compared with
 * @returns {string} Markdown
 */
export function table(rows) {
  const base = (/** @type {string} */ peer) => {
    const times = rows.find((row) => row.peer === peer && row.times)?.times;
    return times && percentile(times, 0.5);
  };
  const [onnx, hnsw, scan] = [base('onnx-int8'), base('hnswlib'), base('scan')];
  const head = ['', 'p50 ms', 'p95 ms', '× onnx int8', '× hnswlib', '× scan', 'recall@10', 'bytes/item', 'RSS MB', 'Wasm MB', 'cold ms', 'whole ms', 'download MB', 'queries'];
  const body = rows.map((row) => {
    if (!row.times) return [row.what, `skipped: ${row.skipped}`, ...head.slice(2).map(() => '')];
    const p50 = percentile(row.times, 0.5);
    return [
      row.what, time(p50), time(percentile(row.times, 0.95)), ratio(p50, onnx), ratio(p50, hnsw), ratio(p50, scan),
      row.recall === undefined ? '–' : row.recall.toFixed(3),
      row.wireBytes === undefined ? '–' : (row.wireBytes / /** @type {number} */ (row.n)).toFixed(1),
      megabytes(row.resident), megabytes(row.wasm),
      row.cold?.length ? time(median(row.cold)) + (row.cold.length < 5 ? ` (of ${row.cold.length})` : '') : '–',
      row.settled?.length ? time(median(row.settled)) : '–',
      megabytes(row.download), String(row.times.length),
    ];
  });
  return [head, head.map((_, i) => (i ? '---:' : '---')), ...body].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
