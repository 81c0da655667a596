// Ours: guest.js over the sealed module, from a signed bundle.

import { instantiate } from '../../guest.js';

export const title = 'nearside';
export const files = ['nearside.wasm'];
export const inputs = ['root.nsr', 'histories.json'];

/** @type {import('../session.js').Pack} */
export const pack = ({ input }) => input('bundle.nsb');

/** @type {import('../session.js').Open} */
export async function open(wire, shape, host) {
  const guest = await instantiate(/** @type {any} */ (await host.file('nearside.wasm')));
  const now = Math.floor(Date.now() / 1000);
  guest.open(await host.input('root.nsr'), wire, now);
  const { count } = guest.items([]);
  if (count !== shape.n) throw new Error(`bundle.nsb has ${count} items, the world ${shape.n}`);
  const histories = JSON.parse(new TextDecoder().decode(await host.input('histories.json')));
  const calls = ours(guest, histories, now);
  return { ...calls, close() {} };
}

/**
 * THE PLACE FOR OURS. What the table asks of the guest: `search` by vector once
 * the module can do that, and whole lists from a history, which fold the
 * history in, score, and read the catalogue.
 *
 * @param {any} guest
 * @param {any[]} histories by query number: ids, or events as guest.recommend takes them
 * @param {number} now
 * @returns {Pick<import('../session.js').Session, 'search' | 'extra'>}
 */
function ours(guest, histories, now) {
  const lists = histories.map((history) => history.map((/** @type {any} */ event) =>
    typeof event === 'object' ? event : { item: String(event), kind: 'like', time: now, weight: 1 }));
  const recommend = (/** @type {number} */ reasons) => (/** @type {number} */ i, /** @type {number} */ k) =>
    guest.recommend({ k, now, events: lists[i % lists.length], reasons, exclude: [] }).items.map((/** @type {any} */ { index }) => index);
  return {
    ...(typeof guest.search === 'function' && { search: (/** @type {Float32Array} */ query, /** @type {number} */ k) => guest.search(query, k) }),
    extra: { 'recommend from a history': recommend(0), 'recommend with 3 reasons': recommend(3) },
  };
}
