/** Writes into sw.js which files this build has: what a reporter needs, and what only staff need. */
import { createHash } from 'node:crypto'
import { readdirSync } from 'node:fs'
import type { Plugin } from 'vite'
import { type Bundle, filesOf } from './files.ts'

const SHELL = ['/index.html', '/src/report/ReportPage.vue', '/src/i18n/en/index.ts', '/src/i18n/zh/index.ts']

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
        const shell = filesOf(bundle, SHELL)
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

function fingerprint(bundle: Bundle): string {
  const hash = createHash('sha256')
  for (const name of Object.keys(bundle).sort()) hash.update(name)
  const page = bundle['index.html']
  if (page?.type === 'asset') hash.update(page.source)
  return hash.digest('hex').slice(0, 12)
}

const rooted = (name: string): string => (name.startsWith('/') ? name : `/${name}`)
