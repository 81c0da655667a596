import { h } from 'vue';
import { useRecommendations, useRecommender } from 'nearside/vue';

const initialItems = ['first', 'second', 'third', 'fourth', 'fifth', 'sixth'].map((id) => ({ id, title: `What the server chose ${id}`, author: 'The editors' }));

export const ForYou = {
  setup() {
    const { nearside, error: failure } = useRecommender({ wasm: 'nearside.wasm', bundle: 'bundle.nsb', root: 'root.nsr' });
    const { items, status, error, observe, refresh } = useRecommendations({ nearside, error: failure, k: 6, initialItems });
    const forget = async () => {
      await nearside.value.profile.erase();
      refresh();
    };
    return () => h('div', { 'data-status': status.value }, [
      h('ol', { class: 'list' }, items.value.map(({ id, title, author, reasons = [] }) => h('li', { key: id }, [
        h('a', { href: `#read/${id}`, onClick: () => observe({ item: id }) }, title),
        h('span', { class: 'by' }, author),
        h('span', { class: 'reasons' }, reasons.map(({ title, share }) => `${Math.round(100 * share)} %: ${title}. `).join('')),
      ]))),
      h('button', { disabled: !nearside.value, onClick: forget }, 'Forget everything'),
      error.value && h('p', { role: 'alert' }, error.value.message),
    ]);
  },
};
