/** A list that grows while one scrolls: one page after the other by cursor, starting over on refresh. */
import { ref, shallowRef, type Ref, type ShallowRef } from 'vue'

export interface Page<T> {
  items: T[]
  next_cursor: string | null
}

export interface GrowingList<T> {
  items: ShallowRef<T[]>
  loading: Ref<boolean>
  finished: Ref<boolean>
  error: Ref<unknown>
  more: () => Promise<void>
  refresh: () => Promise<void>
  /** Looks at the head again without losing the place in a long list. */
  freshen: () => Promise<void>
}

export function useList<T extends { id: string }>(fetchPage: (cursor: string | null) => Promise<Page<T>>): GrowingList<T> {
  const items = shallowRef<T[]>([])
  const loading = ref(false)
  const finished = ref(false)
  const error = ref<unknown>(null)
  let cursor: string | null = null
  let round = 0

  async function load(from: string | null): Promise<void> {
    const mine = ++round
    loading.value = true
    error.value = null
    try {
      const page = await fetchPage(from)
      if (mine !== round) return // a newer load has started meanwhile
      items.value = from === null ? page.items : joined(items.value, page.items)
      cursor = page.next_cursor
      finished.value = cursor === null
    } catch (reason) {
      if (mine === round) error.value = reason
    } finally {
      if (mine === round) loading.value = false
    }
  }

  async function freshen(): Promise<void> {
    if (loading.value) return
    const mine = round
    const page = await fetchPage(null).catch(() => null) // what is on the screen stays until a load that was asked for
    if (!page || mine !== round) return
    const isWhole = items.value.length <= page.items.length || page.next_cursor === null
    if (isWhole) cursor = page.next_cursor
    finished.value = cursor === null
    items.value = isWhole ? page.items : joined(page.items, items.value.slice(page.items.length))
  }

  return { items, loading, finished, error, more: () => load(cursor), refresh: () => load(null), freshen }
}

/** A row that moved between two pages is shown once. */
export function joined<T extends { id: string }>(have: T[], more: T[]): T[] {
  const known = new Set(have.map((item) => item.id))
  return [...have, ...more.filter((item) => !known.has(item.id))]
}
