import { describe, expect, test } from 'vitest'
import { problemOf } from '../src/scan/camera'
import { readScan, readShortCode } from '../src/scan/code'
import { inside } from '../src/session/next'

// Made by device_registry.labels.new_short_code.
const CODES = ['V4QFT2S5', 'QLRP3JXG', '7DALCM47', 'CR2P7NPA', 'KE7QWWZ2']

describe('labels', () => {
  const token = 'AbCdEfGhIjKlMnOpQrSt_-'

  test.each([
    [`https://plant.example/q/${token}`, token],
    [`http://10.0.0.7:8080/q/${token}/?from=print`, token],
    [`/q/${token}`, token],
    [token, token],
    ['https://plant.example/orders/1', null],
    ['WIFI:S:guest;;', null],
    ['', null],
  ])('%s', (text, found) => expect(readScan(text)).toBe(found))

  test.each(CODES)('%s is a code', (code) => {
    expect(readShortCode(code)).toBe(code)
    expect(readShortCode(` ${code.slice(0, 4).toLowerCase()}-${code.slice(4)} `)).toBe(code)
    expect(readScan(code)).toBe(code)
  })

  test('a wrong letter and two swapped letters are found', () => {
    for (const code of CODES) {
      const wrong = code.startsWith('A') ? `B${code.slice(1)}` : `A${code.slice(1)}`
      expect(readShortCode(wrong)).toBeNull()
      const [a, b] = [code[2]!, code[3]!]
      if (a !== b) expect(readShortCode(code.slice(0, 2) + b + a + code.slice(4))).toBeNull()
    }
    expect(readShortCode('ABC')).toBeNull()
    expect(readShortCode('OOOOOOOO')).toBeNull()
  })
})

test.each([
  ['NotAllowedError', 'denied'],
  ['SecurityError', 'denied'],
  ['NotFoundError', 'absent'],
  ['OverconstrainedError', 'absent'],
  ['NotReadableError', 'failed'],
])('a camera that says %s is %s', (name, problem) => expect(problemOf(new DOMException('x', name))).toBe(problem))

test.each([
  ['/machines/1?x=2', '/machines/1?x=2'],
  ['//evil.example', '/orders'],
  ['/\\evil.example', '/orders'],
  ['https://evil.example', '/orders'],
  ['/login?next=/login', '/orders'],
  [undefined, '/orders'],
  [['/a', '/b'], '/orders'],
])('after signing in, %s leads to %s', (wish, page) => expect(inside(wish)).toBe(page))
