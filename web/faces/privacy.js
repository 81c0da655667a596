// <nearside-privacy>, what is remembered of the person and every way to take it
// back. It shows the profile of the feed that for="…" names, or has the
// attributes of a feed, or the property nearside.
// Words: see strings below; the attribute strings has others as JSON.
// Parts: privacy, note, interests, interest, remembered, event, actions, button.

import { Face, make, shade, speak } from './face.js';

/** @typedef {import('./live.js').Nearside['profile']} Profile */

const look = `section>*{margin:0 0 1em}
p,button,fieldset,li{font-size:.9em}
p,legend{opacity:.8}
div,fieldset{display:flex;flex-wrap:wrap;gap:.5em;border:0;padding:0}
legend{padding:0 0 .5em}
label,button{padding:.25em 1em;border:1px solid #8886;border-radius:2em;background:none;color:inherit}
label:hover,button:hover{background:#8882}
input{margin:0 .5em 0 0}
li{display:flex;gap:1em;align-items:center;justify-content:space-between;padding:.3em 0;border-top:1px solid #8886}
li>button{border:0}`;

const strings = {
  stored: 'Kept in this browser, and nowhere else.',
  unstored: 'Forgotten when you leave.',
  paused: ' Nothing new is noted.',
  interests: 'What counts',
  events: 'Remembered: {n}',
  view: 'You looked at {title}',
  click: 'You opened {title}',
  like: 'You liked {title}',
  buy: 'You bought {title}',
  hide: 'You hid {title}',
  forget: 'Forget',
  pause: 'Pause',
  resume: 'Resume',
  export: 'Download',
  erase: 'Forget everything',
  done: 'Done.',
};

class Privacy extends Face {
  #note = make('p', { part: 'note' });
  #interests = make('fieldset', { part: 'interests' });
  #summary = make('summary');
  #events = make('ul', { part: 'remembered' });
  #actions = make('div', { part: 'actions' });
  #news = make('p', { role: 'status' });
  #all = make('section', { part: 'privacy', hidden: true }, this.#note, this.#interests, make('details', {}, this.#summary, this.#events), this.#actions, this.#news);
  #say = speak(this, strings);
  #root = shade(this, look, this.#all);

  connectedCallback() {
    /** @type {Profile | undefined} */
    let profile;
    const show = () => profile && this.#try(this.#show(profile));
    const leave = () => profile?.removeEventListener('change', show);
    this.ends = [leave, this.source.subscribe(({ nearside }) => {
      leave();
      profile = nearside?.profile;
      profile?.addEventListener('change', show);
      show();
    })];
  }

  /** @param {Profile} profile */
  async #show(profile) {
    const { events, interests, paused, stored } = await profile.view();
    const change = (/** @type {() => any} */ work) => () => this.#try((async () => {
      await work();
      this.#news.textContent = this.#say('done');
      profile.dispatchEvent(new Event('change')); // to everything in this page that shows it
    })());
    const button = (/** @type {string} */ name, /** @type {() => any} */ work, what = '') => {
      const label = `${this.#say(name)} ${what}`;
      return make('button', { part: 'button', textContent: this.#say(name), value: label, ariaLabel: label, onclick: change(work) });
    };
    const put = (/** @type {Element} */ box, /** @type {(Node | string)[]} */ rows) => {
      const focused = /** @type {any} */ (this.#root.activeElement);
      const all = () => /** @type {any[]} */ ([...box.querySelectorAll('input,button')]);
      const place = all().indexOf(focused);
      box.replaceChildren(...rows);
      if (place >= 0) (all().find(({ value }) => value === focused.value) ?? all()[place] ?? this.#summary).focus();
    };
    this.#all.hidden = false;
    this.#note.textContent = this.#say(stored ? 'stored' : 'unstored') + (paused ? this.#say('paused') : '');
    put(this.#interests, [interests.length ? make('legend', {}, this.#say('interests')) : '', ...interests.map(({ tag, share, off }) => make('label', { part: 'interest' },
      make('input', { type: 'checkbox', role: 'switch', value: tag, checked: !off, onchange: change(() => profile.edit({ [off ? 'on' : 'off']: [tag] })) }),
      `${tag} ${Math.round(100 * share)} %`))]);
    this.#summary.textContent = this.#say('events', { n: events.length });
    put(this.#events, events.reverse().map(({ id, item, title, kind }) => {
      const what = this.#say(kind, { title: title || item });
      return make('li', { part: 'event' }, what, button('forget', () => profile.edit({ remove: [id] }), what));
    }));
    put(this.#actions, [
      paused ? button('resume', () => profile.resume()) : button('pause', () => profile.pause()),
      button('export', () => {
        const href = URL.createObjectURL(new Blob([JSON.stringify(profile.export())]));
        make('a', { href, download: 'profile.json' }).click();
        setTimeout(URL.revokeObjectURL, 1e4, href);
      }),
      button('erase', () => profile.erase()),
    ]);
  }

  /** Tells the person when work fails. @param {Promise<void>} work */
  #try(work) {
    return work.catch((error) => (this.#news.textContent = error.message));
  }
}

customElements.define('nearside-privacy', Privacy);
