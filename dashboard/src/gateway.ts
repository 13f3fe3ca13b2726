import type { LetterQuery, LetterSource } from './model/dead-letters.ts'
import type { Entity } from './model/entities.ts'
import type { StatusAnswer } from './model/status.ts'
import type { Topic } from './model/topics.ts'
import { MAX_KEYS } from './model/window-series.ts'
import { keptToken, signed } from './token.ts'

const RETRY_MS = 1_000

/** What the page knows of the gateway's config. */
export interface Contract {
  readonly topics: readonly Topic[]
  readonly entities: readonly Entity[]
}

/**
 * Asks until the gateway answers: a page may be open before it is ready.
 *
 * @param signIn is awaited whenever the gateway does not take what the page shows
 */
export async function untilContract(signIn: (isAgain: boolean) => Promise<void>): Promise<Contract> {
  for (;;) {
    try {
      const [{ topics }, { entities }] = await Promise.all([
        askJson<Pick<Contract, 'topics'>>('/v1/topics'),
        askJson<Pick<Contract, 'entities'>>('/v1/entities'),
      ])
      return { topics, entities }
    } catch (error) {
      if (error instanceof Unauthorized) await signIn(error.hadToken)
      else await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
    }
  }
}

/** The gateway does not take what the page shows to say who looks at it. */
export class Unauthorized extends Error {
  readonly hadToken = keptToken() !== undefined

  constructor() {
    super('Your token is not taken any more: reload this page to sign in again.')
  }
}

class Refused extends Error {
  readonly status: number

  constructor(message: string, status: number) {
    super(message)
    this.status = status
  }
}

/** The data of the latest results of a window, one per key; those read so far if they cannot be read now, since live ones follow. */
export async function latestResults(window: string): Promise<readonly unknown[]> {
  const all: unknown[] = []
  try {
    for (let after: string | undefined; all.length < MAX_KEYS; ) {
      const query = after === undefined ? '' : `?after=${encodeURIComponent(after)}`
      const page = await askJson<{ readonly results: readonly { data: unknown }[]; readonly next?: string }>(
        `/v1/windows/${window}${query}`,
      )
      all.push(...page.results.map(({ data }) => data))
      after = page.next
      if (after === undefined) break
    }
  } catch {
    // Live results follow anyway.
  }
  return all
}

export type StatusRead =
  | { readonly kind: 'status'; readonly status: StatusAnswer }
  | { readonly kind: 'withheld'; readonly why: 'right' | 'elsewhere' }

/** How the deployment is, as far as this caller may know. @throws where the gateway does not answer */
export async function readStatus(): Promise<StatusRead> {
  try {
    return { kind: 'status', status: await askJson<StatusAnswer>('/v1/status') }
  } catch (error) {
    if (!(error instanceof Refused) || (error.status !== 403 && error.status !== 404)) throw error
    return { kind: 'withheld', why: error.status === 403 ? 'right' : 'elsewhere' }
  }
}

export type RatesAnswer = Pick<StatusAnswer, 'at' | 'fault' | 'stored'>

/** Events stored of the topics that this caller may read. @throws where the gateway does not answer */
export function readRates(): Promise<RatesAnswer> {
  return askJson<RatesAnswer>('/v1/rates')
}

/** Dead letters, for callers with the right `admin`. */
export const deadLetters: LetterSource = {
  list: (query, from) => askJson(`/v1/dead-letters?${paramsOf(query, from)}`),
  redriveOne: (topic, at) => askJson(`${REDRIVE}?${new URLSearchParams({ topic, at })}`, 'POST'),
  redriveAll: (query, from) => askJson(`${REDRIVE}?${paramsOf(query, from)}`, 'POST'),
}

const REDRIVE = '/v1/dead-letters/redrive'

function paramsOf(query: LetterQuery, from: string | undefined): URLSearchParams {
  const given = Object.entries({ ...query, from: from ?? '' }).filter(([, value]) => value !== '')
  return new URLSearchParams(given)
}

async function askJson<T>(path: string, method = 'GET'): Promise<T> {
  const response = await fetch(path, { ...signed(), method })
  if (response.status === 401) throw new Unauthorized()
  if (!response.ok) throw new Refused(await refusalOf(response), response.status)
  return (await response.json()) as T
}

async function refusalOf(response: Response): Promise<string> {
  const { error } = (await response.json().catch(() => ({}))) as { readonly error?: { readonly message: string } }
  return error?.message ?? `${new URL(response.url).pathname} answered ${response.status}`
}
