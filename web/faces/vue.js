// Vue 3.3 and later: a model that is open, and lists that follow the person,
// until the scope that asked for them ends. Nothing happens on a server.

import { computed, onScopeDispose, shallowRef, toValue, watch } from 'vue';
import { plain, recommendations, recommender } from './live.js';

/**
 * @typedef {import('./live.js').Asked} Asked
 * @typedef {import('./live.js').Recommender} Recommender
 *
 * @typedef {{[name in keyof Asked]: import('vue').MaybeRefOrGetter<Asked[name]>} & Source} Asking
 *
 * @typedef {object} Source
 * @property {import('vue').MaybeRefOrGetter<import('./live.js').Nearside | undefined>} nearside
 *   what is open, and
 * @property {import('vue').MaybeRefOrGetter<any>} [error] why it could not be opened,
 *   both as useRecommender gives them
 * @property {import('./live.js').Item[]} [initialItems] shown until the first list is
 *   there: what the server has rendered
 */

/**
 * Opens a model until the scope ends.
 *
 * @param {import('./live.js').Options} options of open
 * @returns {{[name in keyof Required<Recommender>]: import('vue').ComputedRef<Recommender[name]>}}
 */
export function useRecommender(options) {
  const state = useStore(recommender(options));
  return {
    nearside: computed(() => state.value.nearside),
    status: computed(() => state.value.status),
    error: computed(() => state.value.error),
    progress: computed(() => state.value.progress),
  };
}

/**
 * A list that follows the person, and the options when they are reactive.
 *
 * @param {import('vue').MaybeRefOrGetter<Asking>} options those of recommend, nearside and initialItems
 */
export function useRecommendations(options) {
  const asked = () => {
    const { nearside, error, initialItems, ...rest } = toValue(options);
    return plain(/** @type {Asked} */ (Object.fromEntries(Object.entries(rest).map(([name, value]) => [name, toValue(value)]))));
  };
  const opened = () => {
    const { nearside, error } = toValue(options);
    return { nearside: toValue(nearside), error: toValue(error) };
  };
  const source = { subscribe: (/** @type {(now: ReturnType<typeof opened>) => void} */ listener) => watch(opened, listener, { immediate: true }) };
  const list = recommendations(source, asked(), toValue(options).initialItems);
  const state = useStore(list);
  watch(asked, list.ask);
  return {
    items: computed(() => state.value.items),
    receipt: computed(() => state.value.receipt),
    status: computed(() => state.value.status),
    error: computed(() => state.value.error),
    refresh: list.refresh,
    observe: list.observe,
  };
}

/** @template T @param {import('./live.js').Store<T>} store */
function useStore({ get, subscribe }) {
  const state = shallowRef(get());
  onScopeDispose(subscribe((value) => (state.value = value)));
  return state;
}
