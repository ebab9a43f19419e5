import { describe, expect, test } from 'vitest'
import type { EvidenceTag, Series } from '../src/api/types'
import { evidencePicture, gapsOf } from '../src/charts/evidence-option'
import { historyPicture } from '../src/charts/history-option'
import { rangeOf } from '../src/charts/range'

const clock = (ms: number): string => `t${ms}`

describe('how high a picture is', () => {
  test('a limit nearby is inside, one far away would flatten the curve and stays outside', () => {
    const range = rangeOf([10, 12, null, 11], { high: 13, high_high: 100 })
    expect(range?.inside).toEqual([{ kind: 'high', value: 13 }])
    expect(range?.outside).toEqual([{ kind: 'high_high', value: 100 }])
    expect(range!.max).toBeGreaterThan(13)
    expect(range!.max).toBeLessThan(20)
    expect(range!.min).toBeLessThan(10)
  })

  test('a flat curve still has a height', () => {
    const range = rangeOf([5, 5, 5], {})
    expect(range!.max).toBeGreaterThan(5)
    expect(range!.min).toBeLessThan(5)
  })

  test('without values there is no picture', () => expect(rangeOf([null, null], { high: 1 })).toBeNull())
})

describe('history', () => {
  const series: Series = {
    slug: 'p', unit: 'bar',
    points: [[0, 5, 4, 6], [10, null, null, null], [20, 7, 6.5, 30]],
    bad: [[10, 20, 'timeout']], partly_bad: [], texts: [],
  }
  const picture = historyPicture(series, { high: 31 }, [0, 20], clock)!

  test('a spike that the mean hides is shown and said', () => {
    expect(picture.greatest).toBe(30)
    expect(picture.least).toBe(4)
    expect(picture.last).toBe(7)
    expect(picture.range.max).toBeGreaterThan(30)
  })

  test('the band is the height between least and greatest, and has a hole where nothing is known', () => {
    const [low, height] = picture.option.series as { data: [number, number | null][] }[]
    expect(low?.data).toEqual([[0, 4], [10, null], [20, 6.5]])
    expect(height?.data).toEqual([[0, 2], [10, null], [20, 23.5]])
  })

  test('no value, no picture', () => {
    expect(historyPicture({ ...series, points: [[0, null, null, null]] }, {}, [0, 20], clock)).toBeNull()
  })
})

describe('evidence', () => {
  const tag: EvidenceTag = {
    slug: 'v', name: 'Vibration', unit: 'mm/s', share: 1,
    times_ms: [0, 1, 2, 3, 4], values: [1, null, null, 2, 5], expected: [1, 1, 1, 1, 1], limits: { high: 4.5 },
  }

  test('measured, expected, limit and onset are drawn', () => {
    const picture = evidencePicture(tag, { ms: 3, text: 'Began' }, clock)!
    const [measured, expected] = picture.option.series as { markLine?: { data: object[] }; data: unknown[] }[]
    expect(measured?.markLine?.data).toHaveLength(2)
    expect(expected?.data).toHaveLength(5)
    expect(picture.range.inside).toEqual([{ kind: 'high', value: 4.5 }])
  })

  test('holes reach from the last value to the next', () => {
    expect(gapsOf([0, 1, 2, 3], [1, null, null, 2])).toEqual([{ from: 0, to: 3 }])
    expect(gapsOf([0, 1, 2], [null, 1, null])).toEqual([{ from: 0, to: 1 }, { from: 1, to: 2 }])
    expect(gapsOf([0, 1], [1, 2])).toEqual([])
  })
})
