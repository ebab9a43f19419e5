/** A line at the foot of the screen that says what has just happened. */
import { readonly, ref } from 'vue'

interface Toast {
  text: string
  kind: 'good' | 'bad'
}

const SHOWN_MS = 5000
const current = ref<Toast | null>(null)
let timer = 0

export const toast = readonly(current)

export function say(text: string, kind: Toast['kind'] = 'good'): void {
  current.value = { text, kind }
  window.clearTimeout(timer)
  timer = window.setTimeout(() => (current.value = null), SHOWN_MS)
}
