// The person's profile as a page may show it and as they may change it: what is
// remembered, what it says of their interests, and every way to take it back.

import { kinds, NearsideError } from './words.js';
import { complaint, eventOf, isTag, maxEventsEver, maxMuted } from './records.js';

/**
 * @typedef {import('./guest.js').Event} Observed
 *
 * @typedef {object} View
 * @property {Noted[]} events oldest first
 * @property {Interest[]} interests the strongest first
 * @property {boolean} paused nothing new is remembered
 * @property {boolean} stored what is remembered is kept beyond the page
 *
 * @typedef {Observed & {id: string, title: string, tags: string[]}} Noted an event,
 *   with what the catalogue says of its item: '' and none when it does not have it
 *
 * @typedef {object} Interest
 * @property {string} tag
 * @property {number} share of all that counts, what is about items with this tag:
 *   0.62 is 62 %. An item with two tags counts for both
 * @property {boolean} off events of items with this tag do not count
 *
 * @typedef {object} Exported a profile as a document
 * @property {'profile'} nearside
 * @property {1} version
 * @property {string} channel
 * @property {Observed[]} events oldest first
 * @property {string[]} off tags that are switched off
 * @property {boolean} paused
 */

const documentVersion = 1;

/**
 * Tells `change` when something has changed that this page did not: another tab
 * did, or the person has answered.
 */
export class Profile extends EventTarget {
  #keeper;
  #about;
  #scoring;

  /**
   * @param {import('./keeper.js').Keeper} keeper
   * @param {(ids: string[]) => Promise<({title: string, tags: string[]} | null)[]>} about
   *   what the catalogue says of items
   * @param {() => import('./manifest.js').Scoring} scoring
   */
  constructor(keeper, about, scoring) {
    super();
    this.#keeper = keeper;
    this.#about = about;
    this.#scoring = scoring;
    keeper.onChange = () => this.dispatchEvent(new Event('change'));
  }

  /**
   * Resolves when all that was remembered or changed so far is written, or cannot
   * be; it never rejects.
   *
   * @returns {Promise<boolean>} whether it is written
   */
  get saved() {
    return this.#keeper.saved;
  }

  /**
   * What is remembered, and what it says.
   *
   * @returns {Promise<View>}
   * @throws {NearsideError} 'closed'; of a channel also 'expired' and 'stopped'
   */
  async view() {
    const { events, muted, paused } = this.#keeper.state;
    const { stored } = this.#keeper;
    const about = await this.#about(events.map(({ item }) => item));
    const noted = events.map((event, i) => ({ ...event, title: about[i]?.title ?? '', tags: about[i]?.tags ?? [] }));
    return { events: noted, interests: interestsOf(noted, muted, this.#scoring()), paused, stored };
  }

  /**
   * Removes events and switches interests, all at once.
   *
   * Events of items with a tag that is off speak for nothing in any list. They
   * are still remembered, and their items are not recommended again for that.
   *
   * @param {{remove?: string[], off?: string[], on?: string[]}} change ids of
   *   events, as view gives them, and tags
   * @throws {NearsideError} 'request' for what can be no tag, 'limit' when more
   *   than 256 would be off, 'closed'
   */
  edit({ remove = [], off = [], on = [] }) {
    admitTags('edit', off, new Set([...this.#keeper.state.muted, ...off].filter((tag) => !on.includes(tag))).size);
    this.#keeper.change({ remove, off, on });
  }

  /** From now on nothing new is remembered, on later visits neither, until resume. What is remembered still counts. @throws {NearsideError} 'closed' */
  pause() {
    this.#keeper.change({ paused: true });
  }

  /** @throws {NearsideError} 'closed' */
  resume() {
    this.#keeper.change({ paused: false });
  }

  /** Everything that is remembered, as a document for JSON. @returns {Exported} */
  export() {
    const { events, muted, paused } = this.#keeper.state;
    return {
      nearside: 'profile',
      version: documentVersion,
      channel: this.#keeper.channel,
      events: events.map(eventOf),
      off: muted,
      paused,
    };
  }

  /**
   * Puts an exported profile in the place of this one; all of it, or nothing.
   * Events beyond the page's caps are dropped as ever, the oldest first.
   *
   * @param {any} exported what export gave, through JSON or not
   * @throws {NearsideError} 'request' when it is none, 'version', 'limit' above
   *   10000 events or 256 tags, 'channel' when it is another channel's, 'closed'
   */
  import(exported) {
    const { nearside, version, channel, events, off, paused } = exported ?? {};
    if (nearside !== 'profile') throw refused('import', 'want an exported profile');
    if (version !== documentVersion) throw refused('import', `version ${JSON.stringify(version)}: want ${documentVersion}`, 'version');
    if (channel !== this.#keeper.channel) throw refused('import', `channel ${JSON.stringify(channel)}: want "${this.#keeper.channel}"`, 'channel');
    if (!Array.isArray(events) || !Array.isArray(off) || typeof paused !== 'boolean') throw refused('import', 'want events, off and paused');
    if (events.length > maxEventsEver) throw refused('import', `${events.length} events: want at most ${maxEventsEver}`, 'limit');
    events.forEach((event, i) => {
      const wrong = complaint(event);
      if (wrong) throw refused('import', `event ${i}: ${wrong}`);
    });
    admitTags('import', off, off.length);
    this.#keeper.replace({ events, muted: off, paused });
  }

  /**
   * Forgets everything, interests that are off and the pause too: in this page
   * at once, then in storage and in the other tabs.
   *
   * @returns {Promise<void>} when nothing is stored any more
   * @throws {NearsideError} 'storage' when the browser does not erase it, 'closed'
   */
  erase() {
    return this.#keeper.erase();
  }
}

/** @param {string} place @param {any[]} off @param {number} count of tags that would be off @throws {NearsideError} 'request', 'limit' */
function admitTags(place, off, count) {
  if (count > maxMuted) throw refused(place, `${count} tags are off: want at most ${maxMuted}`, 'limit');
  const bad = off.findIndex((tag) => !isTag(tag));
  if (bad >= 0) throw refused(place, `tag ${bad}: want 1 to 256 bytes of UTF-8`);
}

/** @param {string} place @param {string} what @param {string} [code] */
function refused(place, what, code = 'request') {
  return new NearsideError(code, `profile: ${place}: ${what}`);
}

/**
 * The tags of items by how much of the history is about them, weighed as the
 * model says: by kind, and by age where it says so. What is hidden speaks for
 * nothing.
 *
 * @param {Noted[]} events
 * @param {string[]} muted
 * @param {import('./manifest.js').Scoring} scoring
 * @returns {Interest[]}
 */
function interestsOf(events, muted, { weights, halfLife }) {
  const off = new Set(muted);
  const now = Date.now() / 1000;
  let all = 0;
  /** @type {Map<string, number>} */
  const sums = new Map(muted.map((tag) => [tag, 0]));
  for (const { tags, kind, time, weight } of events) {
    const counts = kind !== 'hide' && !tags.some((tag) => off.has(tag));
    const age = time && halfLife && Math.max(0, now - time) / halfLife; // in half-lives; 0 where either is not known
    const part = counts ? (weight * Math.max(0, weights[kinds.indexOf(kind)])) / 2 ** age : 0;
    all += part;
    for (const tag of new Set(tags)) sums.set(tag, (sums.get(tag) ?? 0) + part);
  }
  return [...sums]
    .filter(([tag, sum]) => sum > 0 || off.has(tag))
    .map(([tag, sum]) => ({ tag, share: all > 0 ? sum / all : 0, off: off.has(tag) }))
    .sort((a, b) => b.share - a.share || (a.tag < b.tag ? -1 : 1));
}
