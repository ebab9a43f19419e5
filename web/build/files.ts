/** Which files of a build belong to a source: its chunk, its styles, and those of all it imports. */
import type { Rolldown } from 'vite'

export type Bundle = Rolldown.OutputBundle

export function filesOf(bundle: Bundle, sources: string[]): Set<string> {
  const found = new Set<string>()
  const visit = (chunk: Rolldown.OutputChunk): void => {
    if (found.has(chunk.fileName)) return
    found.add(chunk.fileName)
    chunk.viteMetadata?.importedCss.forEach((name) => found.add(name))
    for (const name of chunk.imports) {
      const imported = bundle[name]
      if (imported?.type === 'chunk') visit(imported)
    }
  }
  for (const file of Object.values(bundle)) {
    if (file.type === 'chunk' && sources.some((source) => file.facadeModuleId?.endsWith(source))) visit(file)
  }
  return found
}
