/** How long ago something was, as a unit and a number that a text can be made of. */
export interface Age {
  unit: 'now' | 's' | 'min' | 'h' | 'd'
  n: number
}

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

/** A time in the future (a clock that runs ahead) counts as now. */
export function ageOf(then: string | number, nowMs: number, exact = false): Age {
  const ms = Math.max(0, nowMs - new Date(then).getTime())
  if (ms < MINUTE_MS) return ms < 1000 || !exact ? { unit: 'now', n: 0 } : { unit: 's', n: Math.floor(ms / 1000) }
  if (ms < HOUR_MS) return { unit: 'min', n: Math.floor(ms / MINUTE_MS) }
  if (ms < DAY_MS) return { unit: 'h', n: Math.floor(ms / HOUR_MS) }
  return { unit: 'd', n: Math.floor(ms / DAY_MS) }
}
