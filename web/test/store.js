// What every store of channels must do: Node's tests run it over memory, and
// Chromium's over IndexedDB.

/**
 * @param {(name: string) => Promise<import('../store.js').Store>} open
 * @returns {Promise<string[]>} a line for each thing that is not as it should be
 */
export async function runStore(open) {
  /** @type {string[]} */
  const wrong = [];
  const bytes = (/** @type {number[]} */ ...list) => new Uint8Array(list);
  /** @param {string} what @param {any} got @param {any} want */
  const check = (what, got, want) => {
    const text = (/** @type {any} */ value) => JSON.stringify(value, (_, v) => (v instanceof Uint8Array ? [...v] : v));
    if (text(got) !== text(want)) wrong.push(`${what}: got ${text(got)}, want ${text(want)}`);
  };
  const store = await open('a');
  const [one, two, three] = [1, 2, 3].map((n) => bytes(n, n));
  check('nothing yet', await store.read(), null);
  check('no chunk', await store.chunk('aa'), null);
  check('after what is not there', await store.write(one, two), false);
  check('still nothing', await store.read(), null);
  check('first', await store.write(null, one), true);
  check('first, again', await store.write(null, one), true);
  check('first, another', await store.write(null, two), false);
  check('read', await store.read(), { state: one, bundle: null });
  check('step', await store.write(one, two), true);
  check('step from behind', await store.write(one, three), false);
  check('a step that another tab has made', await store.write(one, two), true);
  check('read', await store.read(), { state: two, bundle: null });

  for (const hash of ['aa', 'bb', 'cc']) await store.keep(hash, bytes(...new TextEncoder().encode(hash)));
  await store.keep('bb', bytes(7)); // the later one counts
  check('a chunk', await store.chunk('bb'), bytes(7));
  const first = { manifest: '01', parts: [bytes(1), { hash: 'aa', bytes: 2 }, bytes(2), { hash: 'bb', bytes: 1 }, { hash: 'aa', bytes: 2 }] };
  check('a bundle from behind', await store.write(one, three, first), false);
  check('a chunk stays', await store.chunk('cc'), bytes(99, 99));
  check('a bundle', await store.write(two, two, first), true);
  check('read', await store.read(), { state: two, bundle: first });
  check('a chunk of it', await store.chunk('aa'), bytes(97, 97));
  check('a chunk that is not of it', await store.chunk('cc'), null);
  check('a state keeps the bundle', await store.write(two, three), true);
  check('read', await store.read(), { state: three, bundle: first });
  const second = { manifest: '02', parts: [bytes(1), { hash: 'aa', bytes: 2 }, { hash: 'dd', bytes: 1 }] };
  check('a bundle of which a chunk is missing', await store.write(three, one, second), true);
  check('is not kept', await store.read(), { state: one, bundle: null });
  check('a chunk that it has', await store.chunk('aa'), bytes(97, 97));

  // Another channel of the same site.
  const other = await open('a/b');
  check('another channel', await other.read(), null);
  check('another channel', await other.chunk('aa'), null);
  await other.keep('aa', bytes(5));
  check('another channel', await other.write(null, two, { manifest: '03', parts: [{ hash: 'aa', bytes: 1 }] }), true);
  check('a chunk of the one', await store.chunk('aa'), bytes(97, 97));
  check('a chunk of the other', await other.chunk('aa'), bytes(5));
  check('the one', await store.read(), { state: one, bundle: null });

  // Many that write at once: one of them goes first, and each sees what it did.
  const racers = Array.from({ length: 20 }, (_, i) => bytes(9, i));
  const won = await Promise.all(racers.map((racer) => store.write(one, racer)));
  check('one winner', won.filter(Boolean).length, 1);
  check('the winner', (await store.read())?.state, racers[won.indexOf(true)]);
  return wrong;
}
