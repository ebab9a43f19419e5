import { describe, expect, test } from 'vitest'
import { ApiError, errorText } from '../src/api/errors'
import { joined, type Page, useList } from '../src/shell/use-list'
import { useLoad } from '../src/shell/use-load'

interface Row {
  id: string
}

const rows = (...ids: string[]): Row[] => ids.map((id) => ({ id }))
const ids = (list: Row[]): string => list.map(({ id }) => id).join('')

describe('a list by pages', () => {
  test('grows until its end, then starts over', async () => {
    const pages: Record<string, Page<Row>> = {
      first: { items: rows('a', 'b'), next_cursor: 'second' },
      second: { items: rows('b', 'c'), next_cursor: null },
    }
    const list = useList<Row>(async (cursor) => pages[cursor ?? 'first']!)
    await list.refresh()
    expect(ids(list.items.value)).toBe('ab')
    expect(list.finished.value).toBe(false)
    await list.more()
    expect(ids(list.items.value)).toBe('abc') // the row that moved between the pages is there once
    expect(list.finished.value).toBe(true)
    await list.refresh()
    expect(ids(list.items.value)).toBe('ab')
  })

  test('a late answer of an older round changes nothing', async () => {
    const answers: ((page: Page<Row>) => void)[] = []
    const list = useList<Row>(() => new Promise((resolve) => answers.push(resolve)))
    const [old, now] = [list.refresh(), list.refresh()]
    answers[1]!({ items: rows('new'), next_cursor: null })
    answers[0]!({ items: rows('old'), next_cursor: null })
    await Promise.all([old, now])
    expect(ids(list.items.value)).toBe('new')
    expect(list.loading.value).toBe(false)
  })

  test('an error keeps what is there', async () => {
    let broken = false
    const list = useList<Row>(async () => {
      if (broken) throw new ApiError(0)
      return { items: rows('a'), next_cursor: null }
    })
    await list.refresh()
    broken = true
    await list.refresh()
    expect(ids(list.items.value)).toBe('a')
    expect(list.error.value).toBeInstanceOf(ApiError)
    await list.freshen()
    expect(ids(list.items.value)).toBe('a')
  })

  test('freshening puts new rows in front and keeps the place in a long list', async () => {
    let head = rows('a', 'b')
    const list = useList<Row>(async (cursor) => (cursor ? { items: rows('c', 'd'), next_cursor: null } : { items: head, next_cursor: 'x' }))
    await list.refresh()
    await list.more()
    head = rows('n', 'a')
    await list.freshen()
    expect(ids(list.items.value)).toBe('nacd')
  })

  test('joining keeps the order', () => expect(ids(joined(rows('a', 'b'), rows('b', 'c')))).toBe('abc'))
})

test('a reload that fails leaves the data on the screen', async () => {
  let broken = false
  const loaded = useLoad(async () => {
    if (broken) throw new ApiError(503)
    return 7
  })
  await loaded.load()
  broken = true
  await loaded.load()
  expect(loaded.data.value).toBe(7)
  expect(loaded.error.value).toBeInstanceOf(ApiError)
})

describe('errors in words', () => {
  const t = (key: string, values?: Record<string, unknown>): string => (values ? `${key} ${JSON.stringify(values)}` : key)
  test.each([
    [new ApiError(0), 'error.offline'],
    [new ApiError(403), 'error.forbidden'],
    [new ApiError(409, { allowed: [] }), 'error.conflict'],
    [new ApiError(412), 'error.conflict'],
    [new ApiError(422, { missing: ['verdict', 'x'] }), 'error.missing {"fields":"field.verdict, x"}'],
    [new ApiError(422, { detail: 'too long' }), 'error.other {"detail":"too long"}'],
    [new ApiError(429, {}, 12.2), 'error.too_many {"s":13}'],
    [new ApiError(503), 'error.server {"status":503}'],
    [new Error('boom'), 'error.other {"detail":"Error: boom"}'],
  ])('%o', (error, text) => expect(errorText(error, t)).toBe(text))
})
