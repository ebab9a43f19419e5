/** The kept reports of this phone: how many wait, sent again when the network returns or the page is looked at. */
import { onScopeDispose, ref, type Ref } from 'vue'
import type { ApiError } from '../api/errors'
import { openOutbox, type Outbox, type Report } from './outbox'
import { flush, type Flushed } from './send'

export interface KeptReports {
  waiting: Ref<Report[]>
  refused: Ref<{ report: Report; error: ApiError }[]>
  keep: (report: Report) => Promise<void>
  forget: (id: string) => Promise<void>
  resend: () => Promise<Flushed>
}

const AGAIN_MS = 20_000

export function useOutbox(onSent: (result: Flushed['sent']) => void): KeptReports {
  const waiting = ref<Report[]>([])
  const refused = ref<{ report: Report; error: ApiError }[]>([])
  const outbox: Promise<Outbox> = openOutbox()

  async function resend(): Promise<Flushed> {
    const result = await flush(await outbox)
    waiting.value = result.waiting
    refused.value = result.refused
    if (result.sent.length) onSent(result.sent)
    return result
  }

  async function keep(report: Report): Promise<void> {
    await (await outbox).keep(report)
    waiting.value = [...waiting.value, report]
  }

  async function forget(id: string): Promise<void> {
    await (await outbox).drop(id)
    waiting.value = waiting.value.filter((report) => report.id !== id)
    refused.value = refused.value.filter(({ report }) => report.id !== id)
  }

  const now = (): void => void (document.hidden || resend())
  const retry = window.setInterval(() => waiting.value.length && now(), AGAIN_MS)
  window.addEventListener('online', now)
  document.addEventListener('visibilitychange', now)
  onScopeDispose(() => {
    window.clearInterval(retry)
    window.removeEventListener('online', now)
    document.removeEventListener('visibilitychange', now)
  })
  now()
  return { waiting, refused, keep, forget, resend }
}
