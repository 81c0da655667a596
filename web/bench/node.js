// The Node host: a process for each peer.

import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const describe = async () => `Node ${process.versions.node}, V8 ${process.versions.v8}`;

/** @returns {Promise<import('./peers.js').Seat>} */
export async function launch() {
  const child = fork(fileURLToPath(new URL('node-child.js', import.meta.url)), {
    execArgv: ['--expose-gc', '--max-old-space-size=8192'],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let said = '';
  child.stderr?.on('data', (chunk) => (said = (said + chunk).slice(-2000)));
  /** @type {Promise<never>} */
  const gone = new Promise((_, reject) => {
    child.on('exit', (code, signal) => reject(new Error(`the process ended with ${signal ?? code}: ${said.trim().split('\n').slice(-1)}`)));
    child.on('error', reject);
  });
  gone.catch(() => {});
  const call = (/** @type {string} */ step, /** @type {any} */ argument, seconds = 600) => {
    /** @type {NodeJS.Timeout} */
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`${step}: more than ${seconds} s`)), seconds * 1000);
    });
    const answer = new Promise((resolve, reject) => {
      child.once('message', (/** @type {any} */ { value, error }) => (error === undefined ? resolve(value) : reject(new Error(error))));
      child.send({ step, argument });
    });
    return Promise.race([answer, gone, late]).finally(() => clearTimeout(timer));
  };
  return { call, resident: () => call('rss', undefined), close: async () => void child.kill('SIGKILL') };
}

export const stop = async () => {};
