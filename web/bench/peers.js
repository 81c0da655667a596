// In-browser nearest-neighbour libraries on the same vectors: `make bench-peers`,
// or `node web/bench/peers.js --help` once the packages are installed.
//
// Each peer has a process (Node) or a browser (Chromium) of its own, started
// once and then asked in turn, so that a slower minute of the machine falls on
// all of them. Cold starts are fresh processes and pages. Node runs the packages
// as they are installed, Chromium a bundle of each.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { assemble, download } from './bundle.js';
import * as chromium from './chromium.js';
import * as node from './node.js';
import { cache, filePath, findWorld, modules, wireFile } from './paths.js';
import { median, parseArgs, recall, table, usage } from './report.js';
import { k } from './session.js';

/**
 * One peer in a process or page, as a host hands it out.
 *
 * @typedef {object} Seat
 * @property {(step: string, argument?: any, seconds?: number) => Promise<any>} call a step of session.js, one at a time
 * @property {() => Promise<number | undefined>} resident bytes
 * @property {() => Promise<void>} close at once, whatever it is doing
 *
 * @typedef {object} Entry one peer at one size
 * @property {string} name
 * @property {import('./session.js').Peer} peer
 * @property {any} input what the step `prepare` takes
 * @property {number} wireBytes
 * @property {number} download
 * @property {string} [skipped]
 *
 * @typedef {Entry & {seat: Seat, openMS: number, tick: number, resident?: number, wasm?: number,
 *   asked: {row: string, group: number, each: number, times: number[], found: Map<number, number[]>}[]}} Running
 */

const hosts = { node, chromium };
const say = (/** @type {string} */ line) => console.error(`bench-peers: ${line}`);

/** What a page would download of each peer at this size. @param {import('./paths.js').World} world @param {string[]} names @returns {Promise<Entry[]>} */
async function pack(world, names) {
  const entries = [];
  for (const name of names) {
    const peer = /** @type {import('./session.js').Peer} */ (await import(`./peers/${name}.js`));
    /** @type {Entry} */
    const entry = { name, peer, input: null, wireBytes: 0, download: 0 };
    entries.push(entry);
    try {
      const missing = [...peer.files.map(filePath), ...peer.inputs.map((input) => join(world.dir, input))].find((path) => !existsSync(path));
      if (missing) throw new Error(`no ${missing.split('/').at(-1)}`);
      if (world.shape.n > (peer.largest ?? Infinity)) throw new Error(`more than ${peer.largest} rows: ${peer.why}`);
      say(`${world.size}: ${name}: packing`);
      const wire = await wireFile(name, peer, world);
      entry.wireBytes = readFileSync(wire).length;
      entry.download = await download(name, peer.files);
      entry.input = { name, dir: world.dir, wire, files: peer.files, inputs: peer.inputs, shape: world.shape };
    } catch (error) {
      entry.skipped = text(error);
      say(`${world.size}: ${name}: skipped: ${entry.skipped}`);
    }
  }
  return entries;
}

const text = (/** @type {any} */ error) => String(error?.message ?? error).split('\n')[0].replaceAll(modules, 'node_modules');

/**
 * Opens a peer, warms it up and decides how to ask it.
 *
 * @param {typeof node} host @param {Entry} entry @param {import('./report.js').Options} options
 * @returns {Promise<Running>}
 */
async function start(host, entry, options) {
  const seat = await host.launch();
  try {
    const before = await seat.resident();
    await seat.call('prepare', entry.input);
    const tick = await seat.call('tick');
    const { openMS, rows } = await seat.call('open', undefined, options.openLimit);
    const asked = [];
    for (const row of rows) {
      const ask = async (/** @type {number} */ count) => median((await seat.call('batch', { row, from: 0, count, group: 1 }, count * options.queryLimit)).times);
      let each = await ask(1);
      // V8 compiles a hot loop twice; half a second sees both.
      for (let spent = each, count = 1; spent < 500 && count < 500; spent += each * count) {
        count = Math.min(100, Math.max(1, Math.ceil(100 / each)));
        each = await ask(count);
      }
      // A reading's error is below 3 % when it is 40 steps of the clock long.
      asked.push({ row, each, group: Math.max(1, Math.min(100, Math.ceil((40 * tick) / Math.max(each, tick / 10)))), times: [], found: new Map() });
    }
    const wasm = await seat.call('settle');
    const after = await seat.resident();
    const resident = before === undefined || after === undefined ? undefined : after - before;
    if (after !== undefined && after > options.memoryLimit * 1e6) throw new Error(`resident ${(after / 1e6).toFixed(0)} MB, limit ${options.memoryLimit}`);
    return { ...entry, seat, openMS, tick, asked, resident, wasm };
  } catch (error) {
    await seat.close();
    throw error;
  }
}

/** @param {typeof node} host @param {Entry} entry @param {number} openLimit @returns {Promise<{firstMS: number, settledMS: number}>} */
async function coldStart(host, entry, openLimit) {
  const seat = await host.launch();
  try {
    await seat.call('prepare', entry.input);
    return await seat.call('open', undefined, openLimit);
  } finally {
    await seat.close();
  }
}

/**
 * @param {'node' | 'chromium'} hostName @param {import('./paths.js').World} world @param {Entry[]} entries
 * @param {import('./report.js').Options} options
 * @returns {Promise<import('./report.js').Row[]>}
 */
async function measure(hostName, world, entries, options) {
  const host = hosts[hostName];
  /** @type {Map<string, string>} */
  const skipped = new Map(entries.flatMap(({ name, skipped }) => (skipped ? [[name, skipped]] : [])));
  /** @type {Running[]} */
  const running = [];
  const drop = (/** @type {string} */ name, /** @type {any} */ error) => {
    skipped.set(name, text(error));
    say(`${hostName} ${world.size}: ${name}: skipped: ${text(error)}`);
  };
  for (const entry of entries) {
    if (entry.skipped) continue;
    try {
      const one = await start(host, entry, options);
      running.push(one);
      say(`${hostName} ${world.size}: ${entry.name}: open in ${one.openMS.toFixed(0)} ms`);
    } catch (error) {
      drop(entry.name, error);
    }
  }

  const truth = new Uint32Array(new Uint8Array(readFileSync(join(world.dir, 'truth.u32'))).buffer);
  for (let round = 0; round < options.rounds; round++) {
    say(`${hostName} ${world.size}: round ${round + 1} of ${options.rounds}`);
    for (let i = 0; i < running.length; i++) {
      const one = running[(i + round) % running.length];
      if (skipped.has(one.name)) continue;
      try {
        for (const asked of one.asked) {
          const want = Math.min(options.queries, Math.max(options.rounds, Math.floor((options.budget * 1000) / asked.each)));
          const count = Math.ceil(want / options.rounds);
          const from = (round * count) % world.shape.q;
          const { times, rows } = await one.seat.call('batch', { row: asked.row, from, count, group: asked.group }, count * options.queryLimit + 10);
          asked.times.push(...times);
          rows.forEach((/** @type {number[]} */ answer, /** @type {number} */ j) => asked.found.set((from + j) % world.shape.q, answer));
        }
      } catch (error) {
        drop(one.name, error);
      }
    }
  }
  for (const { seat } of running) await seat.close();

  /** @type {Map<string, {firstMS: number, settledMS: number}[]>} */
  const cold = new Map(running.map(({ name }) => [name, []]));
  for (let round = 0; round < options.cold; round++) {
    say(`${hostName} ${world.size}: cold start ${round + 1} of ${options.cold}`);
    for (const { name, openMS } of running) {
      // What builds an index for half a minute is not asked to do so five times.
      const times = /** @type {any[]} */ (cold.get(name));
      if (skipped.has(name) || (round > 0 && openMS * (round + 1) > options.budget * 1000)) continue;
      try {
        times.push(await coldStart(host, /** @type {Entry} */ (entries.find((entry) => entry.name === name)), options.openLimit));
      } catch (error) {
        say(`${hostName} ${world.size}: ${name}: no cold start: ${text(error)}`);
      }
    }
  }

  return entries.flatMap(({ name, peer, wireBytes, download }) => {
    const one = running.find((candidate) => candidate.name === name);
    if (!one || skipped.has(name)) return [{ peer: name, what: peer.title, skipped: skipped.get(name) }];
    return one.asked.map(({ row, group, times, found }, i) => ({
      peer: row === 'search' ? name : `${name}: ${row}`,
      what: row === 'search' ? peer.title : `${peer.title}, ${row}`,
      times,
      group,
      n: world.shape.n,
      ...(row === 'search' && { recall: recall(found, truth, k) }),
      ...(i === 0 && { wireBytes, download, resident: one.resident, wasm: one.wasm, cold: cold.get(name)?.map(({ firstMS }) => firstMS), settled: cold.get(name)?.map(({ settledMS }) => settledMS) }),
    }));
  });
}

const notes = `p50, p95: one query, answer included; where the clock is coarse (Chromium: 5 us) short queries share a reading, and p95 is of
their means. RSS: what the process (Node) or the renderer (Chromium) holds once it is open and has collected its
garbage, more than before it loaded anything. Wasm: linear memory, where the library shows it. Cold: a fresh process or
page, from bytes in hand to the first answer, index built where the library cannot load one; whole: until nothing is
left to do, such as verifying the rows that rescore, without which nearside gives its first answer. Download: the library's
minified bundle and its binaries, brotli 11.`;

/** @param {string[]} args */
async function main(args) {
  const options = parseArgs(args);
  if (options.help) return console.log(usage);
  if (!existsSync(join(modules, 'esbuild'))) throw new Error('the packages are not installed\nmake bench-peers, or npm ci in web/bench');
  const worlds = options.sizes.map((size) => findWorld(options.world, size));
  mkdirSync(cache, { recursive: true });
  say(`scan.wasm: ${await assemble()} bytes`);
  const machine = { cpu: cpus()[0].model.trim(), cores: cpus().length, date: new Date().toISOString() };
  const results = [];
  for (const world of worlds) {
    const entries = await pack(world, options.peers);
    for (const hostName of /** @type {('node' | 'chromium')[]} */ (options.hosts)) {
      const version = await hosts[hostName].describe();
      const rows = await measure(hostName, world, entries, options);
      results.push({ host: hostName, version, world: world.shape, rows });
      if (options.json) writeFileSync(options.json, `${JSON.stringify({ machine, options, results }, undefined, 1)}\n`);
      const { n, d, sha256 } = world.shape;
      console.log(`\n### ${n} × ${d}, ${version}\n\n${machine.cpu}, ${machine.cores} cores, one used; vectors ${sha256.slice(0, 16)}; k ${k}\n\n${table(rows)}`);
    }
  }
  console.log(`\n${notes}`);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  const [line, hint] = String(/** @type {any} */ (error)?.message ?? error).split('\n');
  console.error(`bench-peers: error: ${line}`);
  if (hint) console.error(`bench-peers: hint: ${hint}`);
  process.exitCode = 1;
} finally {
  await chromium.stop();
}
