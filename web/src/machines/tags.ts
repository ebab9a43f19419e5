/** In which order the tags of a machine are worth looking at. */
import type { Machine, Tag } from '../api/types'

/** What an alarm points at, what has limits, other numbers, the rest; as they come within each of these. */
export function worstFirst({ tags, active }: Pick<Machine, 'tags' | 'active'>): Tag[] {
  const blamed = active.flatMap(({ contributions }) => contributions.map(({ tag }) => tag))
  const rank = ({ slug, limits, kind }: Tag): number => {
    if (blamed.includes(slug)) return 0
    if (Object.keys(limits).length) return 1
    return kind === 'float' || kind === 'int' ? 2 : 3
  }
  return [...tags].sort((a, b) => rank(a) - rank(b))
}
