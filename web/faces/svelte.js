// Svelte 4 and 5: both are stores, for `$list.items` in a component or `get` in code.
//
//	const nearside = recommender({ wasm, bundle, root });
//	const list = recommendations(nearside, { k: 10 });
//
// In Svelte 5 `$effect(() => { list.ask({ k }) })` asks anew when k changes.

export { recommendations, recommender } from './live.js';
