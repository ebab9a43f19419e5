/** Values as people read them. */
const DIGITS = 4

/** Four significant digits, no digit lost before the point, null is a dash. */
export function numberOf(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–'
  if (Math.abs(value) >= 10 ** DIGITS) return Math.round(value).toString()
  return Number(value.toPrecision(DIGITS)).toString()
}

export function withUnit(value: number | null | undefined, unit: string): string {
  return unit ? `${numberOf(value)} ${unit}` : numberOf(value)
}

/** `exception_2` is one word and a number; every other reason is a word. */
export function splitReason(reason: string): { code: string; number: string } {
  const [, number = ''] = /^exception_(\d+)$/.exec(reason) ?? []
  return number ? { code: 'exception', number } : { code: reason, number: '' }
}

/** A number whose width does not jump while it changes. */
export function steadyNumber(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–'
  const whole = Math.abs(value) < 1 ? 1 : Math.floor(Math.log10(Math.abs(value))) + 1
  return value.toFixed(Math.max(0, DIGITS - whole))
}
