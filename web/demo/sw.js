// The demo's own service worker; the SDK needs none. It stands between the page,
// its workers and the network, so it sees each request that they make: it tells
// the page of it, and keeps a copy of what came, for when there is no network.
//
// The network comes first, so a page that was built anew is never an old one. The
// kept copies answer when the network does not, or when the person switched it off.

const kept = 'nearside-demo';
const flag = new URL('offline-switch', self.registration.scope).href;
const logLength = 300;

const channel = new BroadcastChannel('nearside-demo');
const log = [];

/** Whose page a worker is, by its client's id. */
const owners = new Map();

/** Whether the person switched the network off; it outlives this worker. */
let offline = caches.open(kept).then(async (cache) => Boolean(await cache.match(flag)));

self.oninstall = () => self.skipWaiting();
self.onactivate = (event) => event.waitUntil(self.clients.claim());

self.onfetch = (event) => event.respondWith(answer(event));

async function answer(event) {
  const { request, clientId, resultingClientId } = event;
  if (request.destination === 'worker' && resultingClientId) owners.set(resultingClientId, clientId);
  const asked = {
    time: Date.now(),
    method: request.method,
    path: pathOf(request.url),
    sent: await lengthOf(request),
    credentials: request.credentials,
  };
  const report = (outcome) => event.waitUntil(whose(event).then((who) => tell({ ...asked, ...who, outcome })));
  const ours = request.method === 'GET' && new URL(request.url).origin === self.location.origin;
  if (!(await offline)) {
    try {
      const response = await fetch(request);
      report('network');
      if (ours && response.ok) event.waitUntil(keep(request.url, response.clone()));
      return response;
    } catch {} // no network: the kept copy, if there is one
  }
  const copy = ours ? await (await caches.open(kept)).match(request.url, { ignoreSearch: request.mode === 'navigate', ignoreVary: true }) : undefined;
  report(copy ? 'kept copy' : 'no answer');
  return copy ?? Response.error();
}

/** Who asked, and of which page. A worker can be looked up once it runs, so no answer waits for this. */
async function whose({ request, clientId, resultingClientId }) {
  if (request.mode === 'navigate') return { page: resultingClientId, who: 'page' };
  const client = await self.clients.get(clientId);
  return client?.type === 'worker' ? { page: owners.get(clientId), who: 'worker' } : { page: clientId, who: 'page' };
}

/** Where a request goes: what stands behind a question mark could be anything, and is counted only. */
function pathOf(url) {
  const { origin, pathname, search } = new URL(url);
  return (origin === self.location.origin ? '' : origin) + pathname + (search ? `?… (${search.length - 1})` : '');
}

/** Bytes of a request's body. */
async function lengthOf(request) {
  return request.method === 'GET' || request.method === 'HEAD' ? 0 : (await request.clone().arrayBuffer()).byteLength;
}

function tell(report) {
  log.push(report);
  log.splice(0, log.length - logLength);
  channel.postMessage(report);
}

/** A copy that breaks off in the middle is none. */
async function keep(url, response) {
  const cache = await caches.open(kept);
  await cache.put(url, response).catch(() => {});
}

/** What the page asks, by name. */
const calls = {
  /** Takes over a page that was loaded past this worker. */
  claim: () => self.clients.claim(),

  /** @param {number} since milliseconds: when the page's visit began */
  state: async (since, page) => ({ offline: await offline, page, log: log.filter(({ time }) => time >= since) }),

  /** Fetches what was loaded before this worker was there, and says how much is kept. */
  async complete(urls, page) {
    const cache = await caches.open(kept);
    for (const url of urls) {
      if ((await offline) || (await cache.match(url))) continue;
      try {
        const response = await fetch(url, { credentials: 'omit' });
        tell({ page, time: Date.now(), who: 'keeper', method: 'GET', path: pathOf(url), sent: 0, credentials: 'omit', outcome: 'network' });
        if (response.ok) await cache.put(url, response);
      } catch {} // it is missing below
    }
    let [files, bytes, missing] = [0, 0, 0];
    for (const request of await cache.keys()) {
      if (request.url === flag) continue;
      files++;
      bytes += (await (await cache.match(request)).blob()).size;
    }
    for (const url of urls) if (!(await cache.match(url))) missing++;
    return { files, bytes, missing };
  },

  /** @param {boolean} on the network is off */
  async switch(on) {
    const cache = await caches.open(kept);
    await (on ? cache.put(flag, new Response()) : cache.delete(flag));
    offline = Promise.resolve(on);
  },

  /** Leaves no file behind, those that the SDK keeps among them. What is known of the person has its own button. */
  async remove() {
    offline = Promise.resolve(false);
    await Promise.all([kept, 'nearside'].map((name) => caches.delete(name)));
    await self.registration.unregister();
  },
};

self.onmessage = (event) => {
  const { name, arg } = event.data;
  event.waitUntil(Promise.resolve(calls[name](arg, event.source.id)).then((value) => event.ports[0].postMessage(value)));
};
