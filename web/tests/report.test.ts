import 'fake-indexeddb/auto'
import { describe, expect, test, vi } from 'vitest'
import { ApiError } from '../src/api/errors'
import type { ReportAnswer } from '../src/api/types'
import { openOutbox, type Report } from '../src/report/outbox'
import { ATTEMPTS, scaled, smallest } from '../src/report/photo'
import { formatOf, plainType } from '../src/report/recorder'
import { flush, formOf } from '../src/report/send'
import { COMMON_SYMPTOMS, SYMPTOM_PICTURES } from '../src/report/symptoms'

const ANSWER: ReportAnswer = { ticket: 'WO-7', merged: false, status_url: '/x' }
let number = 0
const fresh = (): Promise<Awaited<ReturnType<typeof openOutbox>>> => openOutbox(`test-${(number += 1)}`)

function report(id: string): Report {
  const photo = new Blob(['picture'], { type: 'image/jpeg' })
  return { id, token: 'abc', symptom: 'leak', text: '', reporter: ' Li ', language: 'en', device_time: '2026-01-01T00:00:00Z', photo, voice: null }
}

describe('reports that could not be sent', () => {
  test('stay on the phone with their photo until they have arrived', async () => {
    const outbox = await fresh()
    await outbox.keep(report('a'))
    const away = vi.fn().mockRejectedValue(new ApiError(0))
    expect((await flush(outbox, away)).waiting.map(({ id }) => id)).toEqual(['a'])
    const [kept] = await outbox.waiting()
    expect(await kept?.photo?.text()).toBe('picture')

    const sent = await flush(outbox, async () => ANSWER)
    expect(sent.sent.map(({ answer }) => answer.ticket)).toEqual(['WO-7'])
    expect(await outbox.waiting()).toEqual([])
  })

  test('one that is refused does not hold up the others, and only a person throws it away', async () => {
    const outbox = await fresh()
    await outbox.keep(report('a'))
    await outbox.keep(report('b'))
    const result = await flush(outbox, async ({ id }) => {
      if (id === 'a') throw new ApiError(410)
      return ANSWER
    })
    expect(result.refused.map(({ report: { id } }) => id)).toEqual(['a'])
    expect(result.sent).toHaveLength(1)
    expect((await outbox.waiting()).map(({ id }) => id)).toEqual(['a'])
    await outbox.drop('a')
    expect(await outbox.waiting()).toEqual([])
  })

  test('two flushes at once send once', async () => {
    const outbox = await fresh()
    await outbox.keep(report('a'))
    const send = vi.fn().mockResolvedValue(ANSWER)
    await Promise.all([flush(outbox, send), flush(outbox, send)])
    expect(send).toHaveBeenCalledTimes(1)
  })

  test.each([
    [0, true],
    [429, true],
    [503, true],
    [404, false],
    [422, false],
  ])('status %d is worth another try: %s', (status, passing) => expect(new ApiError(status).passing).toBe(passing))
})

test('the form carries what was given and nothing empty', () => {
  const form = formOf(report('a'))
  expect([...form.keys()].sort()).toEqual(['device_time', 'id', 'language', 'photo', 'reporter', 'symptom'])
  expect(form.get('reporter')).toBe('Li')
})

describe('photos', () => {
  test.each([
    [4000, 3000, 1600, 1600, 1200],
    [3000, 4000, 1600, 1200, 1600],
    [800, 600, 1600, 800, 600],
    [10_000, 1, 1600, 1600, 1],
  ])('%d x %d within %d becomes %d x %d', (w, h, side, width, height) => expect(scaled(w, h, side)).toEqual({ width, height }))

  const blob = (bytes: number): Blob => new Blob([new Uint8Array(bytes)])

  test('the best that fits is taken', async () => {
    const tried: number[] = []
    const found = await smallest(async ({ quality }) => {
      tried.push(quality)
      return blob(quality > 0.7 ? 400_000 : 250_000)
    })
    expect(found.size).toBe(250_000)
    expect(tried).toHaveLength(2)
  })

  test('a little over the limit is taken at the end, far over is refused', async () => {
    expect((await smallest(async () => blob(350_000))).size).toBe(350_000)
    await expect(smallest(async () => blob(3_000_000))).rejects.toThrow('too large')
    expect(ATTEMPTS.at(-1)?.side).toBeLessThan(1000)
  })
})

test('voice is recorded in what the phone speaks', () => {
  expect(formatOf((type) => type.startsWith('audio/mp4'))).toBe('audio/mp4')
  expect(formatOf(() => true)).toContain('webm')
  expect(formatOf(() => false)).toBe('')
  expect(plainType('audio/webm;codecs=opus')).toBe('audio/webm')
  expect(plainType('')).toBe('audio/webm')
})

test('what is offered without a label has pictures', () => {
  expect(COMMON_SYMPTOMS.length).toBeGreaterThanOrEqual(6)
  expect(COMMON_SYMPTOMS.every((symptom) => SYMPTOM_PICTURES[symptom])).toBe(true)
})
