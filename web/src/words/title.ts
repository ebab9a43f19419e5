/** Titles of orders: `alarm:<cause>` and `report:<symptom>` are codes to translate, anything else is what a person wrote. */
export type Word = (group: string, code: string) => string

const CODED = /^(alarm|report):([a-z0-9_]+)$/
const GROUP: Record<string, string> = { alarm: 'cause', report: 'symptom' }

export function titleOf(title: string, word: Word): string {
  const [, kind = '', code = ''] = CODED.exec(title) ?? []
  return kind ? word(GROUP[kind] ?? '', code) : title
}

const HELD = /^(PART|WINDOW|VENDOR|APPROVAL|SAFETY|OTHER)(?:\s*[:：]\s*(.+))?$/s

/** A reason as people read it: the code of a hold is translated, words behind it stay. */
export function reasonOf(reason: string, word: Word): string {
  const [, code, words] = HELD.exec(reason.trim()) ?? []
  if (!code) return reason
  return words ? `${word('hold_reason', code)}: ${words}` : word('hold_reason', code)
}
