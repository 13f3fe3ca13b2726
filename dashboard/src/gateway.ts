import type { Entity } from './model/entities.ts'
import type { Topic } from './model/topics.ts'
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
        getJson<Pick<Contract, 'topics'>>('/v1/topics'),
        getJson<Pick<Contract, 'entities'>>('/v1/entities'),
      ])
      return { topics, entities }
    } catch (error) {
      if (error instanceof Unauthorized) await signIn(error.hadToken)
      else await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
    }
  }
}

class Unauthorized extends Error {
  readonly hadToken = keptToken() !== undefined
}

/** The data of the latest results of a window, one per key; none if they cannot be read now, since live ones follow anyway. */
export async function latestResults(window: string): Promise<readonly unknown[]> {
  try {
    const { results } = await getJson<{ readonly results: readonly { data: unknown }[] }>(`/v1/windows/${window}`)
    return results.map(({ data }) => data)
  } catch {
    return []
  }
}

async function getJson<T>(path: string): Promise<T> {
  const response = await fetch(path, signed())
  if (response.status === 401) throw new Unauthorized()
  if (!response.ok) throw new Error(`${path} answered ${response.status}`)
  return (await response.json()) as T
}
