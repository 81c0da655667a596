// The panel of what is remembered, each thing with a way to forget it.

import { verbs } from './cards.js';
import { byId, fromTemplate, keepFocus } from './dom.js';

/** @typedef {import('../guest.js').Event} Event */

const icons = { view: '#icon-open', click: '#icon-open', like: '#icon-like', buy: '#icon-like', hide: '#icon-hide' };

/**
 * @param {Event[]} events oldest first
 * @param {{byId: Map<string, import('./catalogue.js').Item>}} catalogue
 * @param {(name: string, id?: string) => void} forget
 */
export function showTaste(events, catalogue, forget) {
  byId('taste-count').textContent = String(events.length);
  byId('taste-empty').hidden = events.length > 0;
  byId('forget').hidden = events.length === 0;
  byId('forget').onclick = () => {
    byId('taste').focus({ preventScroll: true }); // the button itself goes
    forget('Everything');
  };
  const rows = events.toReversed().map((event) => row(event, catalogue.byId.get(event.item)?.name ?? event.item, forget));
  keepFocus(byId('events'), () => byId('events').replaceChildren(...rows));
}

/** @param {Event} event @param {string} name @param {(name: string, id: string) => void} forget */
function row({ item, kind }, name, forget) {
  const row = fromTemplate('event');
  const known = /** @type {keyof typeof verbs} */ (kind);
  row.querySelector('use').setAttribute('href', icons[known]);
  row.querySelector('.title').textContent = name;
  row.querySelector('.kind').textContent = verbs[known];
  const remove = row.querySelector('.remove');
  remove.ariaLabel = `Forget ${name}`;
  remove.title = 'Forget this';
  remove.onclick = () => forget(name, item);
  return row;
}
