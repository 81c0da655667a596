// The module's own thread: a long bundle opens and a large catalogue is ranked
// here while the page stays responsive. connection.js starts it with
//
//   new Worker(new URL('./worker.js', import.meta.url), { type: 'module' })
//
// and is its only caller: see answer in engine.js for the messages. The bundle
// comes in chunks whose memory is handed over. The worker sends no request of its
// own: serve it with connect-src 'none' and the browser will see to that.

import { answer, Engine } from './engine.js';

const engine = new Engine();

self.onmessage = ({ data }) => answer(engine, data, (message) => self.postMessage(message));
