/** Sending a report: once now, or again until it has arrived. The id makes every repetition harmless. */
import { reached, refusal } from '../api/client'
import { ApiError } from '../api/errors'
import type { ReportAnswer } from '../api/types'
import type { Outbox, Report } from './outbox'

const PATIENCE_MS = 60_000 // photo and voice take their time on a bad network

export async function send(report: Report): Promise<ReportAnswer> {
  const url = `/api/v1/public/labels/${encodeURIComponent(report.token)}/reports`
  const giveUp = new AbortController()
  const timer = setTimeout(() => giveUp.abort(), PATIENCE_MS)
  const call = fetch(url, { method: 'POST', body: formOf(report), signal: giveUp.signal })
  const response = await reached(call).finally(() => clearTimeout(timer))
  const body: unknown = await response.json().catch(() => null)
  if (!response.ok) throw refusal(response, body)
  if (!body) throw new ApiError(0)
  return body as ReportAnswer
}

export function formOf(report: Report): FormData {
  const form = new FormData()
  for (const name of ['id', 'symptom', 'language', 'device_time'] as const) form.append(name, report[name])
  for (const name of ['text', 'reporter'] as const) if (report[name].trim()) form.append(name, report[name].trim())
  if (report.photo) form.append('photo', report.photo, 'photo.jpg')
  if (report.voice) form.append('voice', report.voice, report.voice.type.includes('mp4') ? 'voice.m4a' : 'voice.webm')
  return form
}

export interface Flushed {
  sent: { report: Report; answer: ReportAnswer }[]
  waiting: Report[]
  refused: { report: Report; error: ApiError }[]
}

let flushing: Promise<Flushed> | null = null

/** Tries every kept report once, one at a time; two callers at once share one round. */
export function flush(outbox: Outbox, sendOne = send): Promise<Flushed> {
  flushing ??= flushRound(outbox, sendOne).finally(() => (flushing = null))
  return flushing
}

async function flushRound(outbox: Outbox, sendOne: typeof send): Promise<Flushed> {
  const result: Flushed = { sent: [], waiting: [], refused: [] }
  for (const report of await outbox.waiting()) {
    try {
      result.sent.push({ report, answer: await sendOne(report) })
      await outbox.drop(report.id)
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      if (error.passing) result.waiting.push(report)
      else result.refused.push({ report, error }) // stays kept: only the person may throw it away
    }
  }
  return result
}
