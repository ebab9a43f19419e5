/** The service worker: started when the page is there, so that it never competes with the first load. */
import { watch } from 'vue'
import { person } from '../session/session'

export function registerWorker(): void {
  if (!('serviceWorker' in navigator) || import.meta.env.DEV) return
  window.addEventListener('load', () => void register())
}

async function register(): Promise<void> {
  await navigator.serviceWorker.register('/sw.js')
  const { active } = await navigator.serviceWorker.ready
  // A reporter's phone keeps only what a report needs; staff need the whole app.
  watch(person, (who) => who && active?.postMessage('keep-everything'), { immediate: true })
}
