/** Evidence of an alarm, one tag: what was measured, what was expected, the limit, and when it began. */
import type { EvidenceTag } from '../api/types'
import { withUnit } from '../words/value'
import { COLOURS, frame, type Gap, greyAreas, limitLines, onsetLine, tooltip } from './base'
import type { ChartOption } from './echarts'
import { type Range, rangeOf } from './range'

type Clock = (ms: number) => string

export interface EvidencePicture {
  option: ChartOption
  range: Range
}

export function evidencePicture(tag: EvidenceTag, onset: { ms: number; text: string }, clock: Clock): EvidencePicture | null {
  const { times_ms: times, values, expected, unit } = tag
  const range = rangeOf([...values, ...(expected ?? [])], tag.limits)
  const [from, to] = [times[0], times.at(-1)]
  if (!range || from === undefined || to === undefined) return null
  const at = (of: (number | null)[]): [number, number | null][] => times.map((ms, i) => [ms, of[i] ?? null])
  const describe = (i: number): string => `${clock(times[i] ?? 0)}  ${withUnit(values[i], unit)}`
  const marks = [...(limitLines(range.inside) ?? []), ...(onsetLine(onset.ms, onset.text) ?? [])]
  const option: ChartOption = {
    ...frame(range, clock, from, to),
    tooltip: tooltip(describe),
    series: [
      {
        type: 'line',
        symbol: 'none',
        data: at(values),
        lineStyle: { color: COLOURS.accent, width: 2.5 },
        markLine: { silent: true, symbol: 'none', data: marks },
        markArea: greyAreas(gapsOf(times, values)) ?? {},
      },
      ...(expected ? [{ type: 'line' as const, symbol: 'none', silent: true, data: at(expected), lineStyle: { color: COLOURS.soft, type: 'dotted' as const, width: 2 } }] : []),
    ],
  }
  return { option, range }
}

/** Where values are missing: from the last one before to the first one after. */
export function gapsOf(times: number[], values: (number | null)[]): Gap[] {
  const gaps: Gap[] = []
  let from: number | null = null
  values.forEach((value, i) => {
    if (value === null) from ??= times[Math.max(0, i - 1)] ?? null
    else if (from !== null) {
      gaps.push({ from, to: times[i] ?? from })
      from = null
    }
  })
  const end = times.at(-1)
  if (from !== null && end !== undefined) gaps.push({ from, to: end })
  return gaps
}
