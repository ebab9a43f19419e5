/** Which address shows which page. Pages with `open` need no login; pages with `bare` stand without the menu. */
import { createRouter, createWebHistory, type RouteRecordRaw } from 'vue-router'
import { client } from './api/client'
import { forget, person, restore } from './session/session'

declare module 'vue-router' {
  interface RouteMeta {
    open?: boolean
    bare?: boolean
  }
}

const routes: RouteRecordRaw[] = [
  { path: '/', redirect: '/orders' },
  { path: '/q/:token', component: () => import('./report/ReportPage.vue'), props: true, meta: { open: true, bare: true } },
  { path: '/r/:id', component: () => import('./report/StatusPage.vue'), props: true, meta: { open: true, bare: true } },
  { path: '/login', component: () => import('./session/LoginPage.vue'), meta: { open: true, bare: true } },
  { path: '/orders', component: () => import('./orders/OrdersPage.vue') },
  { path: '/orders/:id', component: () => import('./orders/OrderPage.vue'), props: true },
  { path: '/machines', component: () => import('./machines/MachinesPage.vue') },
  { path: '/machines/:id', component: () => import('./machines/MachinePage.vue'), props: true },
  { path: '/machines/:id/label', component: () => import('./machines/LabelPage.vue'), props: true },
  { path: '/alarms', component: () => import('./alarms/AlarmsPage.vue') },
  { path: '/scan', component: () => import('./scan/ScanPage.vue') },
  { path: '/me', component: () => import('./session/MePage.vue') },
  { path: '/:rest(.*)', component: () => import('./shell/NoPage.vue'), meta: { open: true, bare: true } },
]

export const router = createRouter({
  history: createWebHistory(),
  routes,
  scrollBehavior: (_to, _from, saved) => saved ?? { top: 0 },
})

router.beforeEach(async (to) => {
  if (to.meta.open || (await restore())) return true
  return { path: '/login', query: { next: to.fullPath } }
})

// A session that ended while the app was open: sign in, then come back to the same page.
client.use({
  onResponse({ response }) {
    if (response.status !== 401 || !person.value) return
    forget()
    void router.isReady().then(signInAgain)
  },
})

function signInAgain(): void {
  const here = router.currentRoute.value
  if (!here.meta.open) void router.replace({ path: '/login', query: { next: here.fullPath } })
}
