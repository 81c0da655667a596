// Ours with int8 rows alone: an exact scan of 66 bytes an item.

import { openGuest } from './guest.js';

export const title = 'nearside, int8';
export const files = ['nearside.wasm'];
export const inputs = ['root.nsr', 'histories.json'];

/** @type {import('../session.js').Pack} */
export const pack = ({ input }) => input('bundle-int8.nsb');

/** @type {import('../session.js').Open} */
export const open = openGuest;
