/** One order: loaded, kept fresh by the live stream, changed through its allowed steps. */
import { computed, ref, type Ref } from 'vue'
import { answer, client } from '../api/client'
import { useLive } from '../api/live'
import type { AllowedAction, Order } from '../api/types'
import { type Loaded, useLoad } from '../shell/use-load'
import { bodyOf, type Draft } from './draft'

export interface OpenOrder extends Loaded<Order> {
  busy: Ref<boolean>
  act: (step: AllowedAction, draft: Draft) => Promise<Order>
}

export function useOrder(id: string): OpenOrder {
  const path = { params: { path: { order_id: id } } }
  const order = useLoad<Order>(() => answer(client.GET('/api/v1/orders/{order_id}', path)))
  const busy = ref(false)

  async function act(step: AllowedAction, draft: Draft): Promise<Order> {
    busy.value = true
    try {
      const body = bodyOf(step, draft, Date.now())
      order.data.value = await answer(client.POST('/api/v1/orders/{order_id}/actions', { ...path, body }))
      return order.data.value
    } finally {
      busy.value = false
    }
  }

  const stream = computed(() => (order.data.value ? `/api/v1/live?machine_id=${order.data.value.machine.id}` : null))
  const look = (changed?: { id: string; state: string }): void => {
    const isNews = !changed || (changed.id === id && changed.state !== order.data.value?.state)
    if (isNews && !busy.value) void order.load()
  }
  useLive(stream, { order: look }, look)
  void order.load()
  return { ...order, busy, act }
}
