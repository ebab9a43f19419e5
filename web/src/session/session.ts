/** Who uses the app. The secret is an HttpOnly cookie that no script sees; here is only the person. */
import { readonly, ref } from 'vue'
import { answer, client } from '../api/client'
import { ApiError } from '../api/errors'
import type { Me } from '../api/types'
import { choose, type Language } from '../i18n'

const REMEMBERED = 'lw-person'
const current = ref<Me | null>(null)

export const person = readonly(current)

/** Staff have signed in on this phone before; says nothing about whether the session still lives. */
export function staffPhone(): boolean {
  return localStorage.getItem(REMEMBERED) !== null
}

export async function signIn(login: string, password: string): Promise<void> {
  const session = await answer(client.POST('/api/v1/session', { body: { login, password } }))
  adopt(session.person)
}

/**
 * True when somebody is signed in. The person who was here last is believed at once, so that a page opens on a bad
 * network too; every call that needs the session finds out by itself when it has ended.
 */
export async function restore(): Promise<boolean> {
  if (current.value) return true
  current.value = remembered()
  const asked = askServer()
  if (!current.value) await asked
  return current.value !== null
}

async function askServer(): Promise<void> {
  try {
    const session = await answer(client.GET('/api/v1/session'))
    adopt(session.person)
  } catch (error) {
    if (!(error instanceof ApiError)) throw error // an ended session, or no network: the page tells
  }
}

export async function signOut(): Promise<void> {
  await answer(client.DELETE('/api/v1/session'))
  forget()
}

/** The server says that the session has ended. */
export function forget(): void {
  current.value = null
  localStorage.removeItem(REMEMBERED)
}

/** On this phone at once; the server writes to the person in it from now on. */
export async function changeLanguage(language: Language): Promise<void> {
  await choose(language)
  if (!current.value) return
  const { person } = await answer(client.PATCH('/api/v1/session', { body: { language } }))
  current.value = person
}

export function hasRole(...roles: Me['roles']): boolean {
  return current.value?.roles.some((role) => roles.includes(role)) ?? false
}

function adopt(person: Me): void {
  current.value = person
  localStorage.setItem(REMEMBERED, JSON.stringify(person))
}

function remembered(): Me | null {
  const text = localStorage.getItem(REMEMBERED)
  return text ? (JSON.parse(text) as Me) : null
}
