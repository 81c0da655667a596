// A component without a provider, and an event before the model is there.

import { createElement as h, StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { useRecommendations, useRecommender } from 'nearside/react';

const model = { wasm: 'nearside.wasm', bundle: 'bundle.nsb', root: 'root.nsr' };

function Alone() {
  const { nearside, error: failure } = useRecommender(model);
  const { items, status, receipt, error, observe } = useRecommendations({ nearside, error: failure, k: 6 });
  globalThis.observe = observe;
  return h('p', { 'data-status': status, 'data-unknown': receipt?.unknown }, error?.code ?? items.length);
}

createRoot(document.getElementById('app')).render(h(StrictMode, null, h(Alone)));
