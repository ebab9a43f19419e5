/** The kept reports of this phone: how many wait, sent again when the network returns or the page is looked at. */
import { onScopeDispose, ref, type Ref } from 'vue'
import { openOutbox, type Outbox, type Report } from './outbox'
import { flush, type Flushed } from './send'

export interface KeptReports {
  waiting: Ref<Report[]>
  refused: Ref<Flushed['refused']>
  /** False when the phone lets us keep nothing. */
  keep: (report: Report) => Promise<boolean>
  forget: (id: string) => Promise<void>
  resend: () => Promise<Flushed>
}

const AGAIN_MS = 20_000

export function useOutbox(onSent: (result: Flushed['sent']) => void): KeptReports {
  const waiting = ref<Report[]>([])
  const refused = ref<Flushed['refused']>([])
  const outbox: Promise<Outbox | null> = openOutbox().catch(() => null)

  async function resend(): Promise<Flushed> {
    const box = await outbox
    const result = box ? await flush(box) : { sent: [], waiting: [], refused: [] }
    waiting.value = result.waiting
    refused.value = result.refused
    if (result.sent.length) onSent(result.sent)
    return result
  }

  async function keep(report: Report): Promise<boolean> {
    const box = await outbox
    const isKept = box !== null && (await box.keep(report).then(() => true, () => false))
    if (isKept) waiting.value = [...waiting.value, report]
    return isKept
  }

  async function forget(id: string): Promise<void> {
    await (await outbox)?.drop(id)
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
