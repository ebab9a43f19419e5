import { beforeEach, describe, expect, test } from 'vitest'
import type { AllowedAction, OrderState } from '../src/api/types'
import { bodyOf, dropDraft, emptyDraft, isComplete, keepDraft, recallDraft, unknownNeed } from '../src/orders/draft'
import { eventText } from '../src/orders/events'
import { isGrave, sortActions, STATE_LOOK, stepOf } from '../src/orders/states'

const step = (action: AllowedAction['action'], ...needs: string[]): AllowedAction => ({ action, to: 'NEW', needs })

describe('what leads on', () => {
  test('accepting comes before handing back and cancelling', () => {
    const { main, others } = sortActions([step('cancel'), step('decline'), step('accept')])
    expect(main?.action).toBe('accept')
    expect(others.map(({ action }) => action)).toEqual(['cancel', 'decline'])
  })

  test('nothing grave ever lies under the thumb', () => {
    const { main, others } = sortActions([step('cancel', 'reason'), step('reopen', 'reason')])
    expect(main).toBeNull()
    expect(others).toHaveLength(2)
    expect(isGrave('cancel')).toBe(true)
  })

  test('every state has its place on the way', () => {
    const places = (Object.keys(STATE_LOOK) as OrderState[]).map((state) => [state, stepOf(state)])
    expect(Object.fromEntries(places)).toEqual({
      NEW: 0, WAIT_APPROVAL: 0, ASSIGNED: 1, ACCEPTED: 2, IN_PROGRESS: 3, ON_HOLD: 3, DONE: 4, CLOSED: 5, CANCELLED: -1,
    })
  })
})

describe('what a step needs', () => {
  const given = (part: object): ReturnType<typeof emptyDraft> => ({ ...emptyDraft(), ...part })

  test.each([
    ['reason', given({ reason: ' ' }), false],
    ['reason', given({ reason: 'dirty' }), true],
    ['scan', given({}), false],
    ['scan', given({ scanned: 'AB' }), true],
    ['scan', given({ reason: 'no label' }), true],
    ['verdict', given({ reason: 'x' }), false],
    ['verdict', given({ verdict: 'false_alarm' }), true],
    ['assignee_id', given({ assignee_id: 'x' }), true],
    ['something_new', given({ reason: 'x' }), false],
  ])('%s', (need, draft, complete) => expect(isComplete(draft, [need], false)).toBe(complete))

  test('a hold wants one of its reasons, words alone are not enough', () => {
    expect(isComplete(given({ reason: 'x' }), ['reason'], true)).toBe(false)
    expect(isComplete(given({ hold: 'PART' }), ['reason'], true)).toBe(true)
  })

  test('a need of a newer server is named', () => {
    expect(unknownNeed(['reason', 'photo'])).toBe('photo')
    expect(unknownNeed(['reason', 'scan'])).toBeNull()
  })
})

describe('drafts', () => {
  let kept: Map<string, string>
  let store: Storage
  beforeEach(() => {
    kept = new Map()
    const methods = {
      getItem: (key: string) => kept.get(key) ?? null,
      setItem: (key: string, value: string) => void kept.set(key, value),
      removeItem: (key: string) => void kept.delete(key),
    }
    store = methods as unknown as Storage
  })

  test('what was typed and the id of the request outlive a failed send', () => {
    const draft = { ...emptyDraft(), reason: 'seal is worn' }
    keepDraft(store, 'o1', 'hold', draft)
    expect(recallDraft(store, 'o1', 'hold')).toEqual(draft)
    expect(recallDraft(store, 'o1', 'cancel').reason).toBe('')
    dropDraft(store, 'o1', 'hold')
    expect(recallDraft(store, 'o1', 'hold').reason).toBe('')
  })

  test('only what was given is sent', () => {
    const draft = { ...emptyDraft(), hold: 'PART', reason: ' bearing 6205 ' }
    expect(bodyOf(step('hold', 'reason'), draft, 0)).toEqual({
      request_id: draft.request_id, action: 'hold', device_time: '1970-01-01T00:00:00.000Z', reason: 'PART: bearing 6205',
    })
    const bare = emptyDraft()
    expect(Object.keys(bodyOf(step('accept'), bare, 0)).sort()).toEqual(['action', 'device_time', 'request_id'])
  })
})

test.each([
  ['accept', {}, { key: 'accept', person: '', symptom: '' }],
  ['assign', { assignee_name: 'Li' }, { key: 'assign', person: 'Li', symptom: '' }],
  ['note', { alarm: 'cleared', alarm_id: 'x' }, { key: 'alarm_cleared', person: '', symptom: '' }],
  ['note', { report_id: 'x', symptom: 'leak' }, { key: 'merge', person: '', symptom: 'leak' }],
  ['note', { source: 'alarm', source_id: 'x' }, { key: 'alarm_again', person: '', symptom: '' }],
  ['note', {}, { key: 'note', person: '', symptom: '' }],
])('event %s %o', (action, data, text) => expect(eventText({ action, data })).toEqual(text))
