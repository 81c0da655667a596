// What a program in TypeScript writes against the package: it is checked, never run.

import { open, NearsideError, type Nearside } from 'nearside';
import { follow } from 'nearside/follow';
import { instantiate } from 'nearside/guest';
import { open as openInNode, type Recommender } from 'nearside/node';
import { open as openInDeno } from 'nearside/deno';
import { open as openInWorkerd } from 'nearside/workerd';
import hashes from 'nearside/sri.json' with { type: 'json' };

export async function page(signal: AbortSignal): Promise<string[]> {
  await using nearside: Nearside = await open({ bundle: new URL('https://site.example/bundle.nsb'), root: '/root.nsr', signal });
  nearside.observe({ item: 'a', kind: 'like' });
  try {
    const { items, receipt } = await nearside.recommend({ k: 5, filter: { noTags: ['x'] } }, { signal });
    return receipt.cold ? [] : items.flatMap(({ reasons }) => reasons.map(({ title }) => title));
  } catch (error) {
    if (error instanceof NearsideError && error.code === 'aborted') return [];
    throw error;
  }
}

export async function server(bundle: Uint8Array<ArrayBuffer>, root: ArrayBuffer): Promise<number> {
  using recommender: Recommender = await openInNode({ bundle, root, now: 0 });
  await Promise.all([openInDeno({ bundle, root }), openInWorkerd({ bundle, root })]);
  // @ts-expect-error an event is about an item
  recommender.recommend({ events: [{ kind: 'like' }] });
  const { items } = recommender.recommend({ events: [{ item: 'a' }], filter: { seen: true } });
  return items.length + recommender.items([0]).count + recommender.manifest().expires + hashes['nearside.js'].bytes;
}

export async function edge(module: WebAssembly.Module): Promise<number> {
  const guest = await instantiate(module);
  return follow(guest, { anchor: new Uint8Array(), channel: 'news', now: 0 }).max + guest.memory;
}
