/** The way of an order, and how its states and priorities look. Colour never stands alone: the word is always there. */
import type { Action, AllowedAction, OrderState } from '../api/types'

export const WAY: OrderState[] = ['NEW', 'ASSIGNED', 'ACCEPTED', 'IN_PROGRESS', 'DONE', 'CLOSED']

/** How far along the way a state is; a cancelled order is nowhere on it. */
export function stepOf(state: OrderState): number {
  if (state === 'WAIT_APPROVAL') return WAY.indexOf('NEW')
  if (state === 'ON_HOLD') return WAY.indexOf('IN_PROGRESS')
  return WAY.indexOf(state)
}

export const STATE_LOOK: Record<OrderState, string> = {
  NEW: 'accent',
  WAIT_APPROVAL: 'amber',
  ASSIGNED: 'accent',
  ACCEPTED: 'accent',
  IN_PROGRESS: 'solid',
  ON_HOLD: 'amber',
  DONE: 'green',
  CLOSED: '',
  CANCELLED: '',
}

export const PRIORITY_LOOK: Record<string, string> = { critical: 'red-solid', high: 'red', medium: 'amber', low: '', advisory: '' }

/** The step that leads on; the others stand aside. */
const LEADING: Action[] = ['approve', 'accept', 'start', 'resume', 'complete', 'close', 'assign']
const GRAVE: Action[] = ['cancel', 'reject', 'decline']

export function sortActions(allowed: AllowedAction[]): { main: AllowedAction | null; others: AllowedAction[] } {
  const rank = (name: Action): number => (LEADING.includes(name) ? LEADING.indexOf(name) : LEADING.length)
  const sorted = [...allowed].sort((a, b) => rank(a.action) - rank(b.action))
  const [first] = sorted
  const main = first && LEADING.includes(first.action) ? first : null
  return { main, others: main ? sorted.slice(1) : sorted }
}

export function isGrave(action: Action): boolean {
  return GRAVE.includes(action)
}
