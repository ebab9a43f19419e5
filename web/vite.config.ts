/** How the app is built: one page, one chunk a screen, a service worker that knows every file of this build. */
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vitest/config'
import { noForeignHosts } from './build/no-foreign-hosts.ts'
import { preloadPublicPage } from './build/preload.ts'
import { serviceWorker } from './build/service-worker.ts'

// What every page needs comes as one file: each request of its own costs a bad network another round trip.
const COMMON = /node_modules\/(@?vue|@intlify|openapi-fetch)|plugin-vue|src\/(words|api|i18n\/[a-z]+\.ts|session\/session|shell\/(Icon|StateBlock|LanguageSwitch|toast|use-load|now))/

const API = process.env['LINEWRIGHT_API'] ?? 'http://127.0.0.1:8080'

export default defineConfig({
  plugins: [vue(), noForeignHosts(), preloadPublicPage(), serviceWorker()],
  define: {
    __VUE_OPTIONS_API__: 'true', // vant's components are written with it
    __VUE_PROD_DEVTOOLS__: 'false',
    __VUE_I18N_FULL_INSTALL__: 'false',
    __VUE_I18N_LEGACY_API__: 'false',
    __INTLIFY_PROD_DEVTOOLS__: 'false',
  },
  build: {
    target: ['es2020', 'chrome87', 'safari14'], // the web views inside WeChat lag behind the browsers
    manifest: true,
    assetsInlineLimit: 0, // the content policy allows no inlined scripts, and icons cache better as files
    reportCompressedSize: false,
    chunkSizeWarningLimit: 600, // ECharts, loaded only where a chart is
    rollupOptions: {
      input: { app: 'index.html', sw: 'src/worker/sw.ts' },
      output: {
        entryFileNames: (chunk) => (chunk.name === 'sw' ? 'sw.js' : 'assets/[name]-[hash].js'),
        codeSplitting: { groups: [{ name: 'common', test: COMMON }] },
      },
    },
  },
  server: { proxy: { '/api': API } },
  test: { include: ['tests/**/*.test.ts'], environment: 'node' },
})
