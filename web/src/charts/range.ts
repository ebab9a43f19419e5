/** How high a picture must be: all values, and the limits that are near enough not to flatten them. */
export type Limits = Partial<Record<'high_high' | 'high' | 'low' | 'low_low', number>>
export type LimitKind = keyof Limits

export interface Range {
  min: number
  max: number
  inside: { kind: LimitKind; value: number }[]
  outside: { kind: LimitKind; value: number }[]
}

const NEAR = 1 // a limit may be as far from the values as the values are from each other
const AIR = 0.08

export function rangeOf(values: Iterable<number | null>, limits: Limits): Range | null {
  let low = Infinity
  let high = -Infinity
  for (const value of values) {
    if (value === null) continue
    low = Math.min(low, value)
    high = Math.max(high, value)
  }
  if (low > high) return null
  const span = Math.max(high - low, Math.abs(high) * 0.05, 1e-9)
  const all = (Object.entries(limits) as [LimitKind, number | null][]).flatMap(([kind, value]) =>
    value === null ? [] : [{ kind, value }],
  )
  const near = ({ value }: { value: number }): boolean => value <= high + span * NEAR && value >= low - span * NEAR
  const inside = all.filter(near)
  const shown = [low, high, ...inside.map(({ value }) => value)]
  const [min, max] = [Math.min(...shown), Math.max(...shown)]
  const air = Math.max(max - min, span) * AIR
  return { min: min - air, max: max + air, inside, outside: all.filter((limit) => !near(limit)) }
}
