/** What a scan or a typed text says: the token of a label's link, or its short code with the check letter right. */
const LINK = /\/q\/([A-Za-z0-9_-]{8,64})\/?(?:[?#].*)?$/
const TOKEN = /^[A-Za-z0-9_-]{22,64}$/
const ALPHABET = '23456789ABCDEFGHJKLMNPQRSTVWXYZ' // 31 letters, a prime: see `checks`
const LENGTH = 8

/** Null when it is nothing of ours. */
export function readScan(text: string): string | null {
  const trimmed = text.trim()
  const [, linked] = LINK.exec(trimmed) ?? []
  if (linked) return linked
  return TOKEN.test(trimmed) ? trimmed : readShortCode(trimmed)
}

/** The code in what somebody typed, in any case, with blanks or dashes between. */
export function readShortCode(text: string): string | null {
  const code = text.replace(/[\s-]/g, '').toUpperCase()
  const places = [...code].map((letter) => ALPHABET.indexOf(letter))
  return code.length === LENGTH && !places.includes(-1) && checks(places) ? code : null
}

/** Place times value, all summed, is divisible by 31: one wrong letter or two swapped ones are found. */
function checks(places: number[]): boolean {
  return places.reduce((sum, value, i) => sum + value * (i + 1), 0) % ALPHABET.length === 0
}
