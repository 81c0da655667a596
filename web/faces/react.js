// React 18 and later: a model that is open while a component is mounted, and
// lists that follow the person. Nothing happens on a server, where the list is
// `initialItems`; the browser begins with the same, so that hydration agrees.

import { createContext, createElement, useContext, useEffect, useMemo, useState, useSyncExternalStore } from 'react';
import { recommendations, recommender, store } from './live.js';

/**
 * @typedef {import('./live.js').Item} Item
 * @typedef {import('./live.js').Recommender} Recommender
 * @typedef {import('./live.js').Store<Recommender>} Source
 */

const Context = createContext(/** @type {Source | undefined} */ (undefined));

/** What a server renders, and a part of the page that hydrates later than the rest. @type {Recommender} */
const opening = { status: 'opening' };

/**
 * Opens a model for the components below while it is mounted.
 *
 * @param {object} props
 * @param {import('./live.js').Options} props.options of open. Those of the first render count; another `key` opens anew
 * @param {import('react').ReactNode} [props.children]
 */
export function NearsideProvider({ options, children }) {
  const [source] = useState(() => recommender(options));
  useEffect(() => source.subscribe(() => {}), [source]);
  return createElement(Context.Provider, { value: source }, children);
}

/**
 * What the {@link NearsideProvider} above has opened; or, with options, what this
 * component opens for itself while it is mounted.
 *
 * @param {import('./live.js').Options} [options] as for the provider
 * @returns {Recommender}
 */
export function useRecommender(options) {
  const above = useContext(Context);
  const [own] = useState(() => options && recommender(options));
  const source = own ?? above;
  if (!source) throw new Error('nearside/react: useRecommender: want options, or a NearsideProvider above');
  return useSyncExternalStore(source.subscribe, source.get, () => opening);
}

/**
 * A list that follows the person. Options are those of recommend, compared by
 * what is in them, and
 *
 * @param {import('./live.js').Asked & {nearside?: import('./live.js').Nearside, error?: any, initialItems?: Item[]}} [options]
 *   nearside and error, what useRecommender gives, where no provider has opened
 *   anything; initialItems, what is shown until the first list is there, as the
 *   server has rendered it
 */
export function useRecommendations({ nearside, error, initialItems, ...asked } = {}) {
  const above = useContext(Context);
  const [own] = useState(() => store(/** @type {Partial<Recommender>} */ ({ nearside }), () => () => {}));
  const source = above && !nearside ? above : own;
  const list = useMemo(() => recommendations(source, asked, initialItems), [source]);
  const key = JSON.stringify(asked);
  useEffect(() => own.set({ nearside, error }), [own, nearside, error]);
  useEffect(() => void list.ask(asked), [list, key]);
  return { ...useSyncExternalStore(list.subscribe, list.get, list.get), refresh: list.refresh, observe: list.observe };
}
