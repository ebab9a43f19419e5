/** Start: the language, then the page that the address names; the rest is loaded when it is asked for. */
import { createApp } from 'vue'
import App from './App.vue'
import { firstLanguage, i18n, speak } from './i18n'
import { router } from './router'
import { registerWorker } from './shell/register-worker'
import './styles/base.css'
import './styles/blocks.css'

// A file of an older build is gone: load the new build, once.
window.addEventListener('vite:preloadError', (event) => {
  if (sessionStorage.getItem('lw-reloaded')) return
  sessionStorage.setItem('lw-reloaded', '1')
  event.preventDefault()
  window.location.reload()
})

const app = createApp(App).use(i18n).use(router)
const ready = Promise.allSettled([speak(firstLanguage()), router.isReady()])
void ready.then(() => app.mount('#app'))
registerWorker()
