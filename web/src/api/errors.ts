/** What can go wrong with a call: no answer at all, or an answer with a problem (RFC 9457). */
export interface Problem {
  title?: string
  detail?: string
  allowed?: string[]
  missing?: string[]
}

export class ApiError extends Error {
  /** `status` 0: the server was not reached. */
  constructor(
    readonly status: number,
    readonly problem: Problem = {},
    readonly retryAfterS: number = 0,
  ) {
    super(problem.detail ?? problem.title ?? `status ${status}`)
  }

  get offline(): boolean {
    return this.status === 0
  }

  /** Somebody else changed it first: load again and look. */
  get outdated(): boolean {
    return this.status === 409 || this.status === 412
  }

  /** The same call may work later. */
  get passing(): boolean {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500
  }
}

type Translate = (key: string, values?: Record<string, unknown>) => string

const BY_STATUS: Record<number, string> = {
  0: 'offline',
  401: 'signed_out',
  403: 'forbidden',
  404: 'not_found',
  409: 'conflict',
  412: 'conflict',
}

/** The error in the words of the chosen language, with what to do next. */
export function errorText(error: unknown, t: Translate): string {
  if (!(error instanceof ApiError)) return t('error.other', { detail: String(error) })
  const { status, problem } = error
  const known = BY_STATUS[status]
  if (known) return t(`error.${known}`)
  if (status === 429) return t('error.too_many', { s: Math.max(1, Math.ceil(error.retryAfterS)) })
  if (status >= 500) return t('error.server', { status })
  if (problem.missing?.length) return t('error.missing', { fields: missingText(problem.missing, t) })
  return t('error.other', { detail: error.message })
}

function missingText(missing: string[], t: Translate): string {
  const known = ['reason', 'assignee_id', 'verdict', 'scan', 'scanned']
  return missing.map((name) => (known.includes(name) ? t(`field.${name}`) : name)).join(', ')
}
