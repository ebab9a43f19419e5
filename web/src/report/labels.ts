/** What was behind a label the last time, so that a phone without a network still knows the machine. */
import type { PublicLabel } from '../api/types'

const PREFIX = 'lw-label-'

export function remember(token: string, label: PublicLabel): void {
  localStorage.setItem(PREFIX + token, JSON.stringify({ ...label, open_report: null }))
}

export function recall(token: string): PublicLabel | null {
  const text = localStorage.getItem(PREFIX + token)
  return text ? (JSON.parse(text) as PublicLabel) : null
}
