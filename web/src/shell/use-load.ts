/** Loading one thing for a page: the thing, whether it is on its way, and what went wrong. */
import { ref, shallowRef, type Ref, type ShallowRef } from 'vue'

export interface Loaded<T> {
  data: ShallowRef<T | null>
  loading: Ref<boolean>
  error: Ref<unknown>
  load: () => Promise<void>
}

/** While a reload is on its way, or when it fails, the old data stays on the screen. */
export function useLoad<T>(fetchIt: () => Promise<T>): Loaded<T> {
  const data = shallowRef<T | null>(null)
  const loading = ref(false)
  const error = ref<unknown>(null)
  let round = 0

  async function load(): Promise<void> {
    const mine = ++round
    loading.value = true
    try {
      const found = await fetchIt()
      if (mine !== round) return
      data.value = found
      error.value = null
    } catch (reason) {
      if (mine === round) error.value = reason
    } finally {
      if (mine === round) loading.value = false
    }
  }

  return { data, loading, error, load }
}
