// Ours, with coarse codes that are scanned and int8 rows that rescore: guest.js
// over the sealed module, from a signed bundle.

import { openGuest } from './guest.js';

export const title = 'nearside, pq 12 B + int8';
export const files = ['nearside.wasm'];
export const inputs = ['root.nsr', 'histories.json'];

/** @type {import('../session.js').Pack} */
export const pack = ({ input }) => input('bundle.nsb');

/** @type {import('../session.js').Open} */
export const open = openGuest;
