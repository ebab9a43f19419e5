/** Writes into sw.js which files this build has: what a reporter needs, and what only staff need. */
import { createHash } from 'node:crypto'
import { readdirSync } from 'node:fs'
import type { Plugin, Rolldown } from 'vite'

type Bundle = Rolldown.OutputBundle
const PUBLIC_PAGES = ['/src/report/ReportPage.vue', '/src/i18n/en/index.ts', '/src/i18n/zh/index.ts']

export function serviceWorker(): Plugin {
  return {
    name: 'service-worker',
    apply: 'build',
    enforce: 'post',
    generateBundle: {
      order: 'post',
      handler(_options, bundle) {
        const worker = bundle['sw.js']
        if (worker?.type !== 'chunk') this.error('sw.js is not in the build')
        const files = Object.keys(bundle).filter((name) => name.startsWith('assets/'))
        const shell = filesOf(bundle)
        const rest = files.filter((name) => !shell.has(name))
        const extra = readdirSync('public').filter((name) => /\.(svg|png|webmanifest)$/.test(name))
        worker.code = worker.code
          .replace('__SHELL__', JSON.stringify(['/', ...shell, ...extra].map(rooted)))
          .replace('__REST__', JSON.stringify(rest.map(rooted)))
          .replace('__BUILD__', JSON.stringify(fingerprint(bundle)))
      },
    },
  }
}

/** The page itself, the pages that need no login, and everything these import. */
function filesOf(bundle: Bundle): Set<string> {
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
    if (file.type !== 'chunk') continue
    const facade = file.facadeModuleId ?? ''
    if (facade.endsWith('/index.html') || PUBLIC_PAGES.some((page) => facade.endsWith(page))) visit(file)
  }
  return found
}

function fingerprint(bundle: Bundle): string {
  const hash = createHash('sha256')
  for (const name of Object.keys(bundle).sort()) hash.update(name)
  const page = bundle['index.html']
  if (page?.type === 'asset') hash.update(page.source)
  return hash.digest('hex').slice(0, 12)
}

const rooted = (name: string): string => (name.startsWith('/') ? name : `/${name}`)
