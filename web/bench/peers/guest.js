// What the two rows of ours share. Unlike the peers it verifies what it opens,
// and a search is a whole call of the SDK's guest: the request's document is
// written, ids and titles are read. The other rows begin with a history, which
// is folded in.

import { instantiate } from '../../guest.js';

/** Chunks as they come over a network. */
const chunk = 64 * 1024;

/** @type {import('../session.js').Open} */
export async function openGuest(wire, shape, host) {
  const guest = await instantiate(/** @type {any} */ (await host.file('nearside.wasm')));
  const now = Math.floor(Date.now() / 1000);
  const receiver = guest.receive(await host.input('root.nsr'), wire.length, now);
  let at = 0;
  // As far as the first answer needs. The rest comes with settle.
  for (; !receiver.open && at < wire.length; at += chunk) receiver.write(wire.subarray(at, at + chunk));
  let rest = /** @type {Uint8Array | null} */ (wire.subarray(at));
  if (at >= wire.length) rest = finish(receiver);
  const { count } = guest.items([]);
  if (count !== shape.n) throw new Error(`bundle has ${count} items, the world ${shape.n}`);
  const histories = JSON.parse(new TextDecoder().decode(await host.input('histories.json')));
  const lists = histories.map((/** @type {string[]} */ ids) => ids.map((item) => ({ item, kind: 'click', time: now, weight: 1 })));
  const empty = { k: 0, now, events: [], reasons: 0, exclude: [] };
  const recommend = (/** @type {number} */ reasons) => (/** @type {number} */ i, /** @type {number} */ k) =>
    guest.recommend({ ...empty, k, events: lists[i % lists.length], reasons }).items.map(({ index }) => index);
  return {
    search: (query, k) => guest.recommend({ ...empty, k, vector: query }).items.map(({ index }) => index),
    extra: { 'recommend from a history': recommend(0), 'recommend with 3 reasons': recommend(3) },
    settle() {
      if (!rest) return;
      receiver.write(rest);
      rest = finish(receiver);
    },
    memory: () => guest.memory,
    close() {},
  };
}

/** @param {{close(): void}} receiver */
function finish(receiver) {
  receiver.close();
  return null;
}
