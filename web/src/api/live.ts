/** The live stream: typed events while the page is looked at, connecting again by itself. */
import { type MaybeRefOrGetter, onScopeDispose, ref, type Ref, toValue, watch } from 'vue'
import type { TagValue } from './types'

export interface LiveEvents {
  value?: (value: TagValue) => void
  alarm?: (alarm: { id: string }) => void
  order?: (order: { id: string; state: string }) => void
}

const NAMES = ['value', 'alarm', 'order'] as const

export type LiveState = 'wait' | 'on' | 'lost'

const FIRST_WAIT_MS = 1000
const LONGEST_WAIT_MS = 30_000

/**
 * A hidden page listens to nothing: it spares the battery and the server's connections.
 * No address yet (null) means: wait for one. What happened during a break is not sent again: `afterBreak` reads it.
 */
export function useLive(address: MaybeRefOrGetter<string | null>, events: LiveEvents, afterBreak: () => void): Readonly<Ref<LiveState>> {
  const state = ref<LiveState>('wait')
  let source: EventSource | null = null
  let timer = 0
  let waitMs = FIRST_WAIT_MS
  let broken = false

  function open(): void {
    close()
    const url = toValue(address)
    if (!url) return
    source = new EventSource(url)
    source.onopen = () => {
      state.value = 'on'
      waitMs = FIRST_WAIT_MS
      if (broken) afterBreak()
      broken = false
    }
    source.onerror = () => {
      state.value = 'lost'
      broken = true
      if (source?.readyState === EventSource.CLOSED) again()
    }
    for (const name of NAMES) {
      source.addEventListener(name, (event: MessageEvent<string>) => events[name]?.(JSON.parse(event.data)))
    }
  }

  function again(): void {
    timer = window.setTimeout(open, waitMs)
    waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)
  }

  function close(): void {
    window.clearTimeout(timer)
    source?.close()
    source = null
  }

  function look(): void {
    if (!document.hidden) return open()
    broken ||= source !== null
    close()
  }

  watch(() => toValue(address), look, { immediate: true })
  document.addEventListener('visibilitychange', look)
  onScopeDispose(() => {
    document.removeEventListener('visibilitychange', look)
    close()
  })
  return state
}
