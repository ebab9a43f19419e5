/** The app's language: texts of the one that is spoken are loaded, the other one's are not. */
import { createI18n, type I18n } from 'vue-i18n'
import type { Texts } from './en'
import { languageOf, LANGUAGES, type Language } from './languages'

const REMEMBERED = 'lw-language'
const TEXTS: Record<Language, () => Promise<{ default: Texts }>> = {
  'zh-CN': () => import('./zh'),
  en: () => import('./en'),
}

export const i18n: I18n<Record<string, Texts>, {}, {}, string, false> = createI18n({
  legacy: false,
  locale: '',
  missingWarn: import.meta.env.DEV,
  fallbackWarn: false,
})

/** What was chosen on this phone, else what its browser asks for. */
export function firstLanguage(): Language {
  return languageOf(localStorage.getItem(REMEMBERED) ?? navigator.language)
}

export async function speak(language: Language): Promise<void> {
  const texts = await TEXTS[language]()
  i18n.global.setLocaleMessage(language, texts.default)
  i18n.global.locale.value = language
  document.documentElement.lang = language
}

/** Speaks it now, and the next time. */
export async function choose(language: Language): Promise<void> {
  localStorage.setItem(REMEMBERED, language)
  await speak(language)
}

export function currentLanguage(): Language {
  return languageOf(i18n.global.locale.value)
}

export { LANGUAGES, type Language }
