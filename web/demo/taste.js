// The panel of what is remembered and what it says of the person, each thing
// with a way to take it back.

import { verbs } from './cards.js';
import { splitTitle } from './catalogue.js';
import { byId, fromTemplate, keepFocus, withText } from './dom.js';

/**
 * @typedef {import('../profile.js').Profile} Profile
 *
 * @typedef {(news: string, work: (profile: Profile) => any, undo?: (profile: Profile) => any) => void} Change
 */

const icons = { view: '#icon-open', click: '#icon-open', like: '#icon-like', buy: '#icon-like', hide: '#icon-hide' };
const interestCount = 6;

/** @param {import('../profile.js').View} view @param {Change} change */
export function showTaste({ events, interests, paused, stored }, change) {
  byId('interests-note').hidden = interests.length === 0;
  byId('taste-count').textContent = String(events.length);
  byId('taste-empty').hidden = events.length > 0;
  byId('taste-brief').hidden = stored;
  byId('forget').hidden = events.length === 0;
  byId('forget').onclick = () => {
    byId('taste-heading').parentElement.focus({ preventScroll: true }); // the button itself goes
    change('Everything is forgotten.', (profile) => profile.erase());
  };
  byId('pause').textContent = paused ? 'Note again what I do' : 'Note nothing for now';
  byId('pause').onclick = () => (paused ? change('What you do is noted again.', (profile) => profile.resume()) : change('Nothing is noted.', (profile) => profile.pause()));
  keepFocus(byId('events'), () => byId('events').replaceChildren(...events.toReversed().map((event) => row(event, change))));
  const buttons = interests.filter(({ off }, i) => off || i < interestCount).map((interest) => button(interest, change));
  const place = [...byId('interests').children].findIndex((child) => child === document.activeElement);
  byId('interests').replaceChildren(...buttons);
  if (place >= 0) buttons[Math.min(place, buttons.length - 1)]?.focus();
}

/** @param {import('../profile.js').Noted} event @param {Change} change */
function row({ id, item, title, kind }, change) {
  const row = fromTemplate('event');
  const name = splitTitle(title || item).name;
  const known = /** @type {keyof typeof verbs} */ (kind);
  row.querySelector('use').setAttribute('href', icons[known]);
  row.querySelector('.title').textContent = name;
  row.querySelector('.kind').textContent = verbs[known];
  const remove = row.querySelector('.remove');
  remove.ariaLabel = `Forget ${name}`;
  remove.title = 'Forget this';
  remove.onclick = () => change(`${name} is forgotten.`, (profile) => profile.edit({ remove: [id] }));
  return row;
}

/** A switch for an interest. @param {import('../profile.js').Interest} interest @param {Change} change */
function button({ tag, share, off }, change) {
  const button = /** @type {HTMLButtonElement} */ (withText('button', off ? `${tag}, muted` : `${tag} ${Math.round(100 * share)} %`));
  button.type = 'button';
  button.ariaPressed = String(!off);
  button.title = off ? 'Show it again' : 'Mute: it counts for nothing and is not shown';
  const work = (/** @type {Profile} */ profile) => profile.edit(off ? { on: [tag] } : { off: [tag] });
  button.onclick = () => change(off ? `${tag} is shown again.` : `${tag} is muted.`, work, off ? undefined : (profile) => profile.edit({ on: [tag] }));
  return button;
}
