/** Which languages there are, and which of them a browser's wish means. */
export const LANGUAGES = ['zh-CN', 'en'] as const

export type Language = (typeof LANGUAGES)[number]

/** Any Chinese is zh-CN; everything we do not speak is English. */
export function languageOf(wish: string): Language {
  return wish.toLowerCase().startsWith('zh') ? 'zh-CN' : 'en'
}
