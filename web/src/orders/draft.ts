/** What has been typed for a step of an order: kept on the phone until the step has succeeded. */
import type { AllowedAction, OrderAction, Verdict } from '../api/types'
import { uuid7 } from '../words/uuid'

export interface Draft {
  request_id: string // stays the same however often it is sent
  reason: string
  hold: string
  assignee_id: string
  verdict: Verdict | ''
  scanned: string
}

export function emptyDraft(): Draft {
  return { request_id: uuid7(), reason: '', hold: '', assignee_id: '', verdict: '', scanned: '' }
}

const keyOf = (orderId: string, action: string): string => `lw-draft-${orderId}-${action}`

export function recallDraft(store: Storage, orderId: string, action: string): Draft {
  const text = store.getItem(keyOf(orderId, action))
  return text ? { ...emptyDraft(), ...(JSON.parse(text) as Partial<Draft>) } : emptyDraft()
}

export function keepDraft(store: Storage, orderId: string, action: string, draft: Draft): void {
  store.setItem(keyOf(orderId, action), JSON.stringify(draft))
}

export function dropDraft(store: Storage, orderId: string, action: string): void {
  store.removeItem(keyOf(orderId, action))
}

const KNOWN = ['reason', 'assignee_id', 'verdict', 'scan']

export function unknownNeed(asked: readonly string[]): string | null {
  return asked.find((need) => !KNOWN.includes(need)) ?? null
}

/** True when everything that the step needs has been given. */
export function isComplete(draft: Draft, asked: readonly string[], onHold: boolean): boolean {
  const given: Record<string, boolean> = {
    reason: onHold ? Boolean(draft.hold) : Boolean(draft.reason.trim()),
    assignee_id: Boolean(draft.assignee_id),
    verdict: Boolean(draft.verdict),
    scan: Boolean(draft.scanned || draft.reason.trim()),
  }
  return asked.every((need) => given[need] ?? false)
}

export function bodyOf(step: AllowedAction, draft: Draft, nowMs: number): OrderAction {
  const words = draft.reason.trim()
  const reason = draft.hold ? [draft.hold, words].filter(Boolean).join(': ') : words
  return {
    request_id: draft.request_id,
    action: step.action,
    device_time: new Date(nowMs).toISOString(),
    ...(reason && { reason }),
    ...(draft.assignee_id && { assignee_id: draft.assignee_id }),
    ...(draft.scanned && { scanned: draft.scanned }),
    ...(draft.verdict && { verdict: draft.verdict }),
  }
}
