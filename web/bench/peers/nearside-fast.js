// Ours with 10 bytes of coarse codes and 100 candidates: faster, and a little
// less exact, than the default.

import { openGuest } from './guest.js';

export const title = 'nearside, pq 10 B + int8, 100 candidates';
export const files = ['nearside.wasm'];
export const inputs = ['root.nsr', 'histories.json'];

/** @type {import('../session.js').Pack} */
export const pack = ({ input }) => input('bundle-fast.nsb');

/** @type {import('../session.js').Open} */
export const open = openGuest;
