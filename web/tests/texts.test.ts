/** Both languages say everything, and everything that is said is used. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createI18n } from 'vue-i18n'
import { describe, expect, test } from 'vitest'
import en from '../src/i18n/en'
import zh from '../src/i18n/zh'

type Tree = { [key: string]: string | Tree }

function flat(tree: Tree, prefix = ''): Map<string, string> {
  const found = new Map<string, string>()
  for (const [name, value] of Object.entries(tree)) {
    if (typeof value === 'string') found.set(prefix + name, value)
    else for (const [key, text] of flat(value, `${prefix}${name}.`)) found.set(key, text)
  }
  return found
}

const EN = flat(en)
const ZH = flat(zh)
const SOURCES = readdirSync('src', { recursive: true, encoding: 'utf-8' })
  .filter((name) => /\.(vue|ts)$/.test(name) && !name.startsWith('i18n') && !name.endsWith('schema.d.ts'))
  .map((name) => readFileSync(join('src', name), 'utf-8'))
  .join('\n')

test('both languages have the same keys', () => {
  expect([...ZH.keys()].sort()).toEqual([...EN.keys()].sort())
})

test.each([...EN.keys()])('%s has the same places for values in both languages', (key) => {
  const places = (text = ''): string[] => [...new Set(text.match(/\{\w+\}/g))].sort()
  expect(places(ZH.get(key))).toEqual(places(EN.get(key)))
})

test('only a good quality has no reason to tell', () => {
  const empty = [...EN, ...ZH].filter(([, text]) => !text.trim()).map(([key]) => key)
  expect(new Set(empty)).toEqual(new Set(['reason.none']))
})

test('English is English, Chinese is Chinese', () => {
  const han = /\p{Script=Han}/u
  expect([...EN].filter(([key, text]) => han.test(text) && key !== 'language.zh-CN')).toEqual([])
  const without = [...ZH].filter(([, text]) => text && !han.test(text)).map(([key]) => key)
  expect(without.sort()).toEqual(['alarms.share', 'language.en', 'order.house', 'order.no', 'reason.none'].filter((key) => ZH.get(key)))
})

test('every text that the code names is there', () => {
  const named = [...SOURCES.matchAll(/\bt\(\s*['"]([\w.-]+)['"]/g)].map((match) => match[1] ?? '')
  expect(named.length).toBeGreaterThan(80)
  expect(named.filter((key) => !EN.has(key))).toEqual([])
})

test('every text is used', () => {
  // Said by their whole key, or as one of a group: word('state', …), t(`state.${…}`).
  const groups = [...SOURCES.matchAll(/\bword\('([\w.]+)'/g)].map((match) => `${match[1]}.`)
  const prefixes = [...SOURCES.matchAll(/`([a-z_]+\.[\w.]*)\$\{/g)].map((match) => match[1] ?? '')
  const starts = [...groups, ...prefixes, 'cause.'] // words/title.ts names its groups in a table
  const unused = [...EN.keys()].filter((key) => !SOURCES.includes(`'${key}'`) && !starts.some((start) => key.startsWith(start)))
  expect(unused).toEqual([])
})

describe('texts can be said', () => {
  test.each([
    ['en', 'report.waiting', { n: 1 }, 1, '1 report not sent yet'],
    ['en', 'report.waiting', { n: 3 }, 3, '3 reports not sent yet'],
    ['zh', 'report.waiting', { n: 3 }, 3, '有 3 条报修尚未提交'],
    ['en', 'machines.alarms', { n: 2 }, 2, '2 alarms'],
  ])('%s %s', (locale, key, values, count, said) => {
    const { t } = createI18n({ legacy: false, locale, messages: { en, zh } }).global
    expect(t(key, values, count)).toBe(said)
  })
})
