/** Codes and times as words of the chosen language. */
import { useNow } from '../shell/now'
import { useI18n } from 'vue-i18n'
import { ageOf } from './age'
import { reasonOf, titleOf } from './title'
import { splitReason } from './value'

export interface Words {
  /** The name of a code, or the code itself where this version knows no name. */
  word: (group: string, code: string) => string
  title: (title: string) => string
  reason: (reason: string) => string
  cause: (reason: string) => string
  ago: (time: string | number, exact?: boolean) => string
  clock: (time: string | number) => string
}

export function useWords(): Words {
  const { t, te, locale } = useI18n()
  const now = useNow()
  const word = (group: string, code: string): string => (te(`${group}.${code}`) ? t(`${group}.${code}`) : code)
  return {
    word,
    title: (title) => titleOf(title, word),
    reason: (reason) => reasonOf(reason, word),
    cause: (reason) => {
      const { code, number } = splitReason(reason)
      return te(`reason.${code}`) ? t(`reason.${code}`, { code: number }) : reason
    },
    ago: (time, exact = false) => {
      const { unit, n } = ageOf(time, now.value, exact)
      return t(`age.${unit}`, { n })
    },
    clock: (time) => clockOf(time, locale.value, now.value),
  }
}

/** Hours and minutes, with the date in front when it is not today. */
export function clockOf(time: string | number, locale: string, nowMs: number): string {
  const then = new Date(time)
  const today = new Date(nowMs).toDateString() === then.toDateString()
  const day: Intl.DateTimeFormatOptions = today ? {} : { month: 'numeric', day: 'numeric' }
  return then.toLocaleString(locale, { ...day, hour: '2-digit', minute: '2-digit', hour12: false })
}
