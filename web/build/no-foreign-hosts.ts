/** Fails the build when a script or style of it could fetch from another host. */
import type { Plugin } from 'vite'

const CDN = /https?:\/\/[a-z.]*(jsdelivr\.net|unpkg\.com|alicdn\.com|googleapis\.com|gstatic\.com|cdnjs\.)[^`'")\s]*/g
const FETCHED = /(?:url\(\s*['"]?|@import\s+['"]|import\(\s*['"]|src=['"])(?:https?:)?\/\/[^'")\s]+/g

export function noForeignHosts(): Plugin {
  return {
    name: 'no-foreign-hosts',
    apply: 'build',
    // zxing-wasm carries the address of a CDN as its default place for the wasm file; ours is always given.
    transform(code, id) {
      return id.includes('zxing-wasm') ? { code: code.replace(CDN, ''), map: null } : null
    },
    generateBundle(_options, bundle) {
      for (const file of Object.values(bundle)) {
        const text = file.type === 'chunk' ? file.code : /\.(css|html)$/.test(file.fileName) ? String(file.source) : ''
        const found = [...text.matchAll(CDN), ...text.matchAll(FETCHED)].map((match) => match[0])
        if (found.length) this.error(`${file.fileName} names other hosts: ${found.join(', ')}`)
      }
    },
  }
}
