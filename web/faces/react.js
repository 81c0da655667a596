// React 18 and later: a model that is open while a component is mounted, and
// lists that follow the person. Nothing happens on a server, where the list is
// `initialItems`; the browser begins with the same, so that hydration agrees.

import { createContext, createElement, useContext, useEffect, useMemo, useState, useSyncExternalStore } from 'react';
import { recommendations, recommender } from './live.js';

/**
 * @typedef {import('./live.js').Item} Item
 * @typedef {import('./live.js').Recommender} Recommender
 * @typedef {import('./live.js').Store<Recommender>} Source
 */

const Context = createContext(/** @type {Source | undefined} */ (undefined));

/** @template T @param {import('./live.js').Store<T>} store @returns {T} */
const useStore = ({ subscribe, get }) => useSyncExternalStore(subscribe, get, get);

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
  return useStore(source);
}

/**
 * A list that follows the person. Options are those of recommend, compared by
 * what is in them, and
 *
 * @param {import('./live.js').Asked & {nearside?: import('./live.js').Nearside, initialItems?: Item[]}} [options]
 *   nearside, what useRecommender has opened, where no provider has; initialItems,
 *   what is shown until the first list is there, as the server has rendered it
 */
export function useRecommendations({ nearside, initialItems, ...asked } = {}) {
  const above = useContext(Context);
  const source = nearside ?? above;
  const list = useMemo(() => recommendations(source, asked, initialItems), [source]);
  const key = JSON.stringify(asked);
  useEffect(() => void list.ask(asked), [list, key]);
  return { ...useStore(list), refresh: list.refresh, observe: list.observe };
}
