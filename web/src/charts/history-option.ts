/** History of one tag: mean as a line, least to greatest as a band, so that no spike is averaged away. */
import type { Series } from '../api/types'
import { withUnit } from '../words/value'
import { COLOURS, frame, greyAreas, limitLines, tooltip } from './base'
import type { ChartOption } from './echarts'
import { type Limits, type Range, rangeOf } from './range'

type Clock = (ms: number) => string

export interface HistoryPicture {
  option: ChartOption
  range: Range
  last: number | null
  least: number
  greatest: number
}

/** Null when the period holds no value. */
export function historyPicture(series: Series, limits: Limits, period: [number, number], clock: Clock): HistoryPicture | null {
  const { points, unit } = series
  const least = points.map(([, mean, min]) => min ?? mean)
  const greatest = points.map(([, mean, , max]) => max ?? mean)
  const range = rangeOf([...least, ...greatest], limits)
  if (!range) return null
  const at = (values: (number | null)[]): [number, number | null][] => points.map(([ms], i) => [ms, values[i] ?? null])
  const height = greatest.map((top, i) => (top === null || least[i] == null ? null : top - least[i]))
  const hidden = { type: 'line', stack: 'band', stackStrategy: 'all', symbol: 'none', silent: true, lineStyle: { opacity: 0 } } as const
  const describe = (i: number): string => {
    const [ms = 0, mean = null] = points[i] ?? []
    return `${clock(ms)}  ${withUnit(mean, unit)}\n${withUnit(least[i], unit)} – ${withUnit(greatest[i], unit)}`
  }
  const option: ChartOption = {
    ...frame(range, clock, ...period),
    tooltip: tooltip(describe),
    series: [
      { ...hidden, data: at(least) },
      { ...hidden, data: at(height), areaStyle: { color: COLOURS.accent, opacity: 0.22 } },
      {
        type: 'line',
        symbol: points.length < 3 ? 'circle' : 'none',
        data: at(points.map(([, mean]) => mean)),
        lineStyle: { color: COLOURS.accent, width: 2.5 },
        itemStyle: { color: COLOURS.accent },
        markLine: { silent: true, symbol: 'none', data: limitLines(range.inside) ?? [] },
        markArea: greyAreas(series.bad.map(([from, to]) => ({ from, to }))) ?? {},
      },
    ],
  }
  const means = points.map(([, mean]) => mean).filter((mean) => mean !== null)
  return {
    option,
    range,
    last: means.at(-1) ?? null,
    least: Math.min(...least.filter((value) => value !== null)),
    greatest: Math.max(...greatest.filter((value) => value !== null)),
  }
}
