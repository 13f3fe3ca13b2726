import type { Entity } from './model/entities.ts'
import type { Topic } from './model/topics.ts'

const RETRY_MS = 1_000

/** What the page knows of the gateway's config. */
export interface Contract {
  readonly topics: readonly Topic[]
  readonly entities: readonly Entity[]
}

/** Asks until the gateway answers: a page may be open before it is ready. */
export async function untilContract(): Promise<Contract> {
  for (;;) {
    try {
      const [{ topics }, { entities }] = await Promise.all([
        getJson<Pick<Contract, 'topics'>>('/v1/topics'),
        getJson<Pick<Contract, 'entities'>>('/v1/entities'),
      ])
      return { topics, entities }
    } catch {
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
    }
  }
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
  const response = await fetch(path)
  if (!response.ok) throw new Error(`${path} answered ${response.status}`)
  return (await response.json()) as T
}
