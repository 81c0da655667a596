import { createElement as h, StrictMode } from 'react';
import { NearsideProvider, useRecommendations, useRecommender } from 'nearside/react';

const model = { wasm: 'nearside.wasm', bundle: 'bundle.nsb', root: 'root.nsr' };

/** What the server shows, and the browser until it has a list of its own. */
const initialItems = ['first', 'second', 'third', 'fourth', 'fifth', 'sixth'].map((id) => ({ id, title: `What the server chose ${id}`, author: 'The editors' }));

function List() {
  const { nearside } = useRecommender();
  const { items, status, error, observe, refresh } = useRecommendations({ k: 6, initialItems });
  const forget = async () => {
    await nearside.profile.erase();
    refresh();
  };
  return h('div', { 'data-status': status },
    h('ol', { className: 'list' }, items.map(({ id, title, author, reasons = [] }) =>
      h('li', { key: id },
        h('a', { href: `#read/${id}`, onClick: () => observe({ item: id }) }, title),
        h('span', { className: 'by' }, author),
        h('span', { className: 'reasons' }, reasons.map(({ title, share }) => `${Math.round(100 * share)} %: ${title}. `))))),
    h('button', { disabled: !nearside, onClick: forget }, 'Forget everything'),
    error && h('p', { role: 'alert' }, error.message));
}

export function ForYou() {
  return h(StrictMode, null, h(NearsideProvider, { options: model }, h(List)));
}
