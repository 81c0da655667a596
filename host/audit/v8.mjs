// Runs the module in V8 for package audit: opens the bundle at the time argv[2]
// (Unix seconds), makes the requests, and prints the engine's version, a new
// line, and SHA-256 of each answer in hexadecimal. Everything is in the current
// folder. The calls are those of ABI.md.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

const [module, root, bundle, requests] = ['module', 'root', 'bundle', 'requests'].map((name) => readFileSync(name));
const { instance } = await WebAssembly.instantiate(module, {});
const { memory, ...call } = instance.exports;

/** Copies bytes into a buffer of the module and returns its address and length. */
function put(bytes) {
  if (bytes.length === 0) return [0, 0];
  const ptr = call.nearside_alloc(bytes.length) >>> 0;
  new Uint8Array(memory.buffer).set(bytes, ptr);
  return [ptr, bytes.length];
}

/** The last call's result, where it lies. */
function result() {
  return new Uint8Array(memory.buffer, call.nearside_result() >>> 0, call.nearside_result_len() >>> 0);
}

call._initialize();
const status = call.nearside_open(...put(root), ...put(bundle), BigInt(process.argv[2]));
if (status !== 0) throw new Error(`the module refuses the bundle with status ${status}: ${new TextDecoder().decode(result())}`);

let hashes = '';
for (let at = 0; at < requests.length;) {
  const n = requests.readUInt32LE(at);
  const refused = call.nearside_recommend(...put(requests.subarray(at + 4, at + 4 + n))) === 0 ? 0 : 1;
  hashes += createHash('sha256').update(Uint8Array.of(refused)).update(result()).digest('hex');
  at += 4 + n;
}
console.log(`node ${process.version}, V8 ${process.versions.v8}\n${hashes}`);
