/** What an event of an order is called, and the detail worth a second line. */
import type { OrderEvent } from '../api/types'

export interface EventText {
  key: string // below `event.` of the texts
  person: string // whom it was given to
  symptom: string // what a merged report said
}

export function eventText({ action, data }: Pick<OrderEvent, 'action' | 'data'>): EventText {
  const words = (name: string): string => (typeof data[name] === 'string' ? data[name] : '')
  const named = { person: words('assignee_name'), symptom: action === 'note' ? words('symptom') : '' }
  if (action !== 'note') return { key: action, ...named }
  if (data['alarm'] === 'cleared') return { key: 'alarm_cleared', ...named }
  if (words('report_id')) return { key: 'merge', ...named }
  return { key: words('source') === 'alarm' ? 'alarm_again' : 'note', ...named }
}
