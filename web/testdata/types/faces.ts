// The same for the faces. It is checked, never run.

import 'nearside/element';
import type { Item } from 'nearside/react';
import * as react from 'nearside/react';
import * as svelte from 'nearside/svelte';
import * as vue from 'nearside/vue';
import { get, type Readable } from 'svelte/store';
import { ref, type ComputedRef } from 'vue';

const options = { bundle: '/bundle.nsb', root: '/root.nsr' };

export function inReact(initialItems: Item[]): string[] {
  const { nearside, status } = react.useRecommender(options);
  const { items, observe } = react.useRecommendations({ k: 5, initialItems, ...(nearside && { nearside }) });
  observe({ item: 'a' });
  // @ts-expect-error an event is about an item
  observe({ kind: 'like' });
  return status === 'ready' ? items.map(({ title }) => title) : [];
}

export function inVue(): ComputedRef<{ id: string; title: string }[]> {
  const { nearside } = vue.useRecommender(options);
  return vue.useRecommendations({ nearside, k: ref(5) }).items;
}

export function inSvelte(): string[] {
  const list: Readable<{ items: { id: string }[] }> = svelte.recommendations(svelte.recommender(options), { k: 5 });
  return get(list).items.map(({ id }) => id);
}
