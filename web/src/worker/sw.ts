/**
 * Keeps the app itself on the phone; data never. Requests to /api are not even looked at.
 *
 *   first visit ──► shell (what a reporter needs) is stored
 *   signed in ──► the page says "keep everything" ──► the rest is stored, and the app opens without a network
 *   new build ──► new cache, old one goes; a page that is open reloads when it misses a file
 */
declare const self: ServiceWorkerGlobalScope
declare const __SHELL__: string[]
declare const __REST__: string[]
declare const __BUILD__: string
export {}

const CACHE = `linewright-${__BUILD__}`
const OWN = /^\/(assets\/|icon|manifest\.webmanifest$)/
const NOT_OURS = /^\/(api\/|healthz|metrics)/

self.addEventListener('install', (event) => {
  event.waitUntil(keep(__SHELL__).then(() => self.skipWaiting()))
})

self.addEventListener('activate', (event) => {
  event.waitUntil(dropOldBuilds().then(() => self.clients.claim()))
})

self.addEventListener('message', (event) => {
  if (event.data === 'keep-everything') event.waitUntil(keep(__REST__))
})

self.addEventListener('fetch', (event) => {
  const { request } = event
  const url = new URL(request.url)
  if (request.method !== 'GET' || url.origin !== self.location.origin || NOT_OURS.test(url.pathname)) return
  if (request.mode === 'navigate') event.respondWith(stored('/'))
  else if (OWN.test(url.pathname)) event.respondWith(stored(request))
})

async function keep(paths: string[]): Promise<void> {
  const cache = await caches.open(CACHE)
  const known = new Set((await cache.keys()).map((request) => new URL(request.url).pathname))
  await cache.addAll(paths.filter((path) => !known.has(path)).map((path) => new Request(path, { cache: 'no-cache' })))
}

async function stored(request: Request | string): Promise<Response> {
  const cache = await caches.open(CACHE)
  const hit = await cache.match(request, { ignoreVary: true })
  if (hit) return hit
  const answer = await fetch(request)
  if (answer.ok && request !== '/') await cache.put(request, answer.clone())
  return answer
}

async function dropOldBuilds(): Promise<void> {
  const names = await caches.keys()
  await Promise.all(names.filter((name) => name.startsWith('linewright-') && name !== CACHE).map((name) => caches.delete(name)))
}
