// The browser's Worker on a Node thread, so that nearside.js and worker.js run
// under Node as they are.

import { Worker as Thread } from 'node:worker_threads';

const bootstrap = `
  const { parentPort, workerData } = require('node:worker_threads');
  globalThis.self = globalThis;
  globalThis.postMessage = (message) => parentPort.postMessage(message);
  import(workerData).then(() => parentPort.on('message', (data) => self.onmessage({ data })));
`;

export class WebWorker {
  onmessage = (/** @type {{data: any}} */ _) => {};
  onerror = (/** @type {{message: string}} */ _) => {};
  #thread;

  /** @param {URL} url */
  constructor(url) {
    this.#thread = new Thread(bootstrap, { eval: true, workerData: url.href });
    this.#thread.on('message', (data) => this.onmessage({ data }));
    this.#thread.on('error', ({ message }) => this.onerror({ message }));
  }

  /** @param {any} message @param {ArrayBuffer[]} [transfer] */
  postMessage(message, transfer) {
    this.#thread.postMessage(message, transfer);
  }

  terminate() {
    this.#thread.terminate();
  }
}
