/** One clock for all ages on the screen: ticks each second while somebody looks at it. */
import { onScopeDispose, ref, type Ref } from 'vue'

const now = ref(Date.now())
let watchers = 0
let timer = 0

export function useNow(): Readonly<Ref<number>> {
  watchers += 1
  if (watchers === 1) {
    now.value = Date.now()
    timer = window.setInterval(() => (now.value = Date.now()), 1000)
  }
  onScopeDispose(() => {
    watchers -= 1
    if (watchers === 0) window.clearInterval(timer)
  })
  return now
}
