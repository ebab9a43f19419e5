import { describe, expect, test } from 'vitest'
import { languageOf } from '../src/i18n/languages'
import { ageOf } from '../src/words/age'
import { reasonOf, titleOf } from '../src/words/title'
import { numberOf, splitReason, steadyNumber, withUnit } from '../src/words/value'
import { uuid7 } from '../src/words/uuid'

const word = (group: string, code: string): string => `<${group}.${code}>`

describe('titles', () => {
  test.each([
    ['alarm:bearing_wear', '<cause.bearing_wear>'],
    ['report:leak', '<symptom.leak>'],
    ['Change the filter', 'Change the filter'],
    ['alarm: see note', 'alarm: see note'],
    ['note:leak', 'note:leak'],
  ])('%s is shown as %s', (title, shown) => expect(titleOf(title, word)).toBe(shown))

  test('the code of a hold is translated, the words behind it stay', () => {
    expect(reasonOf('PART: bearing 6205', word)).toBe('<hold_reason.PART>: bearing 6205')
    expect(reasonOf('SAFETY', word)).toBe('<hold_reason.SAFETY>')
    expect(reasonOf('PARTLY done', word)).toBe('PARTLY done')
  })
})

describe('ages', () => {
  const now = Date.UTC(2026, 2, 1, 8)
  test.each([
    [0, 'now', 0],
    [59_999, 'now', 0],
    [60_000, 'min', 1],
    [3_599_999, 'min', 59],
    [3_600_000, 'h', 1],
    [86_400_000, 'd', 1],
    [-5_000, 'now', 0],
  ])('%d ms ago is %s %d', (ms, unit, n) => expect(ageOf(now - ms, now)).toEqual({ unit, n }))

  test('live values count seconds', () => {
    expect(ageOf(now - 7_400, now, true)).toEqual({ unit: 's', n: 7 })
    expect(ageOf(now - 400, now, true)).toEqual({ unit: 'now', n: 0 })
  })
})

describe('values', () => {
  test.each([
    [1.23456, '1.235'],
    [8200.4, '8200'],
    [123456.7, '123457'],
    [0.00012344, '0.0001234'],
    [0, '0'],
    [null, '–'],
    [Number.NaN, '–'],
  ])('%d reads %s', (value, shown) => expect(numberOf(value)).toBe(shown))

  test.each([
    [1.2, '1.200'],
    [61.02, '61.02'],
    [8200, '8200'],
    [0.5, '0.500'],
    [-12.5, '-12.50'],
  ])('%d keeps its width as %s', (value, shown) => expect(steadyNumber(value)).toBe(shown))

  test('a unit follows after a blank, no unit leaves none', () => {
    expect(withUnit(4.5, 'mm/s')).toBe('4.5 mm/s')
    expect(withUnit(4.5, '')).toBe('4.5')
  })

  test('an exception carries its number', () => {
    expect(splitReason('exception_11')).toEqual({ code: 'exception', number: '11' })
    expect(splitReason('timeout')).toEqual({ code: 'timeout', number: '' })
  })
})

test('ids are version 7 and sort by time', () => {
  const [early, late] = [uuid7(1_700_000_000_000), uuid7(1_700_000_000_001)]
  expect(early).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  expect(early < late).toBe(true)
  expect(parseInt(early.slice(0, 13).replace('-', ''), 16)).toBe(1_700_000_000_000)
})

test.each([
  ['zh-CN', 'zh-CN'],
  ['zh-TW', 'zh-CN'],
  ['ZH', 'zh-CN'],
  ['en-GB', 'en'],
  ['de', 'en'],
])('a browser that asks for %s gets %s', (wish, language) => expect(languageOf(wish)).toBe(language))
