/** The periods a person looks at, and how often each is worth asking for again. */
const MINUTE_MS = 60_000

export const RANGES = {
  m10: { ms: 10 * MINUTE_MS, againMs: 5_000 },
  h1: { ms: 60 * MINUTE_MS, againMs: 30_000 },
  h8: { ms: 8 * 60 * MINUTE_MS, againMs: 120_000 },
  d1: { ms: 24 * 60 * MINUTE_MS, againMs: 300_000 },
} as const

export type RangeId = keyof typeof RANGES
