/** The latest values of a machine: read once, then followed live. */
import { ref, shallowReactive, type Ref } from 'vue'
import { answer, client } from '../api/client'
import { useLive, type LiveState } from '../api/live'
import type { TagValue } from '../api/types'

export interface LiveValues {
  values: Record<string, TagValue> // by slug
  stream: Readonly<Ref<LiveState>>
  error: Ref<unknown>
}

export function useValues(machineId: string, onChange: () => void): LiveValues {
  const values = shallowReactive<Record<string, TagValue>>({})
  const error = ref<unknown>(null)

  /** An answer that was on its way for long never replaces something newer. */
  function take(value: TagValue): void {
    const known = values[value.slug]
    if (!known || Date.parse(value.time) >= Date.parse(known.time)) values[value.slug] = value
  }

  async function read(): Promise<void> {
    try {
      const { items } = await answer(
        client.GET('/api/v1/machines/{machine_id}/values', { params: { path: { machine_id: machineId } } }),
      )
      items.forEach(take)
      error.value = null
    } catch (reason) {
      error.value = reason
    }
  }

  const events = { value: take, alarm: onChange, order: onChange }
  const stream = useLive(`/api/v1/live?machine_id=${machineId}`, events, () => {
    void read()
    onChange()
  })
  void read()
  return { values, stream, error }
}
