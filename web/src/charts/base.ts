/** What all our pictures share: time below, value at the left, limits as dashed lines, places without values in grey. */
import type { Limits, Range } from './range'
import { numberOf } from '../words/value'
import type { ChartOption, LineSeriesOption } from './echarts'

export const COLOURS = { ink: '#10212b', soft: '#384a54', line: '#c8d2d1', accent: '#0b4a56', red: '#8f1717', amber: '#a86400', bad: '#9aa7ab' }
const TEXT_PX = 14

export interface Gap {
  from: number
  to: number
}

type Clock = (ms: number) => string

export function frame(range: Range, clock: Clock, from: number, to: number): ChartOption {
  return {
    animation: false,
    grid: { left: 4, right: 14, top: 26, bottom: 2, containLabel: true },
    xAxis: {
      type: 'time',
      min: from,
      max: to,
      splitNumber: 3,
      axisLine: { lineStyle: { color: COLOURS.soft } },
      axisLabel: { color: COLOURS.ink, fontSize: TEXT_PX, hideOverlap: true, formatter: (ms: number) => clock(ms) },
    },
    yAxis: {
      type: 'value',
      min: range.min,
      max: range.max,
      splitNumber: 4,
      splitLine: { lineStyle: { color: COLOURS.line } },
      axisLabel: { color: COLOURS.ink, fontSize: TEXT_PX, showMinLabel: false, showMaxLabel: false, formatter: numberOf },
    },
  }
}

/** Limits lie on the first series, dashed, with their value written on them. */
export function limitLines(inside: Range['inside']): NonNullable<LineSeriesOption['markLine']>['data'] {
  return inside.map(({ kind, value }) => ({
    yAxis: value,
    lineStyle: { color: kind.includes('_') ? COLOURS.red : COLOURS.amber, type: 'dashed' as const, width: 2 },
    label: { formatter: numberOf(value), position: 'insideStartTop' as const, color: COLOURS.ink, fontSize: TEXT_PX },
  }))
}

export function onsetLine(ms: number, text: string): NonNullable<LineSeriesOption['markLine']>['data'] {
  const label = { formatter: text, position: 'end' as const, color: COLOURS.red, fontSize: TEXT_PX, fontWeight: 'bold' as const }
  return [{ xAxis: ms, lineStyle: { color: COLOURS.red, width: 2, type: 'solid' }, label }]
}

export function greyAreas(gaps: Gap[]): LineSeriesOption['markArea'] {
  return {
    silent: true,
    itemStyle: { color: COLOURS.bad, opacity: 0.35 },
    data: gaps.map(({ from, to }) => [{ xAxis: from }, { xAxis: to }] as [{ xAxis: number }, { xAxis: number }]),
  }
}

export function tooltip(describe: (index: number) => string): NonNullable<ChartOption['tooltip']> {
  return {
    trigger: 'axis',
    renderMode: 'richText', // HTML tooltips carry style attributes, which the content policy forbids
    confine: true,
    textStyle: { color: COLOURS.ink, fontSize: 16 },
    formatter: (items) => {
      const [first] = Array.isArray(items) ? items : [items]
      return first ? describe(first.dataIndex) : ''
    },
  }
}

export type { Limits }
