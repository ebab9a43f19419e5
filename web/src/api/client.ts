/** The one door to the HTTP API: typed by its OpenAPI description, every failure an ApiError. */
import createClient from 'openapi-fetch'
import { ApiError, type Problem } from './errors'
import type { paths } from './schema'

const PATIENCE_MS = 20_000

export const client = createClient<paths>({ credentials: 'same-origin', fetch: patientFetch })

interface Answer<T> {
  data?: T
  error?: unknown
  response: Response
}

/** The body of a good answer; anything else is thrown. */
export async function answer<T>(call: Promise<Answer<T>>): Promise<NonNullable<T>> {
  const { data, error, response } = await reached(call)
  if (!response.ok) throw refusal(response, error)
  return data as NonNullable<T>
}

export function refusal(response: Response, body: unknown): ApiError {
  const problem = typeof body === 'object' && body !== null ? (body as Problem) : {}
  return new ApiError(response.status, problem, Number(response.headers.get('Retry-After') ?? 0))
}

/** A fetch that throws (no network, no answer in time, a page instead of JSON) means: not reached. */
export async function reached<T>(call: Promise<T>): Promise<T> {
  try {
    return await call
  } catch {
    throw new ApiError(0)
  }
}

async function patientFetch(request: Request): Promise<Response> {
  const giveUp = new AbortController()
  const timer = setTimeout(() => giveUp.abort(), PATIENCE_MS)
  try {
    return await fetch(request, { signal: giveUp.signal })
  } finally {
    clearTimeout(timer)
  }
}
