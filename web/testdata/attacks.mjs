// node attacks.mjs nearside.wasm calls.json: makes the calls of one instance,
// and says of which the answer is another one. attack_test.go writes the calls.
import { readFile } from 'node:fs/promises';

const [module, calls] = process.argv.slice(2);
const { instance } = await WebAssembly.instantiate(await readFile(module), {});
const guest = instance.exports;
guest._initialize();

const put = (base64) => {
  const bytes = Buffer.from(base64, 'base64');
  const at = guest.nearside_alloc(bytes.length) >>> 0;
  new Uint8Array(guest.memory.buffer, at, bytes.length).set(bytes);
  return [at, bytes.length];
};

let wrong = 0;
for (const { name, request, anchor, bundle, now, answer, refused } of JSON.parse(await readFile(calls, 'utf8'))) {
  const status = request !== undefined ? guest.nearside_follow(...put(request))
    : guest.nearside_open(...put(anchor), ...put(bundle), BigInt(now));
  const result = Buffer.from(new Uint8Array(guest.memory.buffer, guest.nearside_result() >>> 0, guest.nearside_result_len()));
  const right = refused === undefined ? status === 0 && result.toString('base64') === answer
    : status > 1 && result.toString() === refused;
  if (!right) {
    wrong++;
    console.log(`${name}: status ${status}${status === 0 ? '' : `, ${result}`}`);
  }
}
process.exit(wrong === 0 ? 0 : 1);
