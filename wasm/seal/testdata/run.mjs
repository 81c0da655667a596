// Instantiates the sealed module argv[2] with nothing, makes the calls in
// argv[3] ([[name, ...arguments], ...]) and prints their results as a JSON
// array of strings, up to the first trap.
import { readFileSync } from "node:fs";

const { instance } = await WebAssembly.instantiate(readFileSync(process.argv[2]), {});
instance.exports._initialize();
const results = [];
for (const [name, ...args] of JSON.parse(process.argv[3])) {
  try {
    results.push(String(instance.exports[name](...args) ?? ""));
  } catch (error) {
    if (!(error instanceof WebAssembly.RuntimeError)) throw error;
    results.push(error.message);
    break;
  }
}
console.log(JSON.stringify(results));
