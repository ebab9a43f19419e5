/** A hand scanner types what it reads, very fast, and ends with Enter: listened to wherever the cursor is. */
import { onScopeDispose } from 'vue'

const FAST_MS = 80
const SHORTEST = 6

export function useWedge(found: (text: string) => void): void {
  let typed = ''
  let lastAt = 0

  function hear(event: KeyboardEvent): void {
    if (event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement) return
    if (event.timeStamp - lastAt > FAST_MS) typed = ''
    lastAt = event.timeStamp
    if (event.key.length === 1) typed += event.key
    if (event.key !== 'Enter' || typed.length < SHORTEST) return
    event.preventDefault()
    found(typed)
    typed = ''
  }

  window.addEventListener('keydown', hear)
  onScopeDispose(() => window.removeEventListener('keydown', hear))
}
