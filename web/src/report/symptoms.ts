/** What can be wrong with a machine, each with its picture (24 x 24, drawn as lines). */
import type { Symptom } from '../api/types'

export const SYMPTOM_PICTURES: Record<Symptom, string> = {
  noise: 'M4 10v4h3l4 4V6L7 10zM15 9a4 4 0 0 1 0 6M17.5 6.5a8 8 0 0 1 0 11',
  vibration: 'M9 6h6v12H9zM5.5 8l-1.5 2 1.5 2-1.5 2 1.5 2M18.5 8l1.5 2-1.5 2 1.5 2-1.5 2',
  leak: 'M12 3c3.5 4.5 5 7 5 9.5a5 5 0 0 1-10 0C7 10 8.5 7.5 12 3zM5 21h14',
  overheating: 'M10 13.5V5a2 2 0 0 1 4 0v8.5a4 4 0 1 1-4 0zM12 9v7M18 5h3M18 9h3',
  smell_smoke: 'M5 20h14M8 16c-2-2 2-3.5 0-6s2-3.5 0-6M12 16c-2-2 2-3.5 0-6s2-3.5 0-6M16 16c-2-2 2-3.5 0-6s2-3.5 0-6',
  no_start: 'M12 3v8M7 6a8 8 0 1 0 10 0M4 3l16 18',
  stopped: 'M8.5 3h7L21 8.5v7L15.5 21h-7L3 15.5v-7zM9.5 9v6M14.5 9v6',
  low_output: 'M4 5v15h16M7 9l4 3 3-1 5 6M19 13v4h-4',
  quality_defect: 'M4 8l8-4 8 4v8l-8 4-8-4zM9.5 9.5l5 5M14.5 9.5l-5 5',
  alarm_code: 'M3 5h18v12H3zM8 21h8M12 8v4M12 14.5v.1',
  other: 'M9 9a3 3 0 1 1 4.5 2.6c-1 .6-1.5 1.2-1.5 2.4M12 17.5v.1M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18z',
}

/** Offered when the label could not be looked up. */
export const COMMON_SYMPTOMS: Symptom[] = ['noise', 'vibration', 'leak', 'overheating', 'smell_smoke', 'no_start', 'stopped', 'other']
