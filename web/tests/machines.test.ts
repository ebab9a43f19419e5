import { expect, test } from 'vitest'
import type { Machine } from '../src/api/types'
import { worstFirst } from '../src/machines/tags'

const tag = (slug: string, kind: string, limits: object = {}): Machine['tags'][number] =>
  ({ id: slug, slug, name: slug, unit: '', kind, limits }) as Machine['tags'][number]

test('what an alarm points at comes first, words come last, the rest keeps its order', () => {
  const tags = [tag('state', 'text'), tag('flow', 'float'), tag('oil', 'float', { high: 9 }), tag('speed', 'int'), tag('vibration', 'float')]
  const active = [{ contributions: [{ tag: 'vibration', share: 1 }] }] as Machine['active']
  expect(worstFirst({ tags, active }).map(({ slug }) => slug)).toEqual(['vibration', 'oil', 'flow', 'speed', 'state'])
  expect(worstFirst({ tags, active: [] })[0]?.slug).toBe('oil')
})
