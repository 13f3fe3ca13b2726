import type { TopicList } from './model/topics.ts'

const RETRY_MS = 1_000

interface StoredResult {
  readonly key: string
  readonly data: unknown
}

/** The topics of the gateway's config. Asks until it answers: a page may be open before the gateway is ready. */
export async function untilTopics(): Promise<TopicList> {
  for (;;) {
    try {
      return await getJson<TopicList>('/v1/topics')
    } catch {
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
    }
  }
}

/** The latest results of a window, one per key; none if they cannot be read now, since live ones follow anyway. */
export async function latestResults(window: string): Promise<readonly StoredResult[]> {
  try {
    return (await getJson<{ readonly results: readonly StoredResult[] }>(`/v1/windows/${window}`)).results
  } catch {
    return []
  }
}

async function getJson<T>(path: string): Promise<T> {
  const response = await fetch(path)
  if (!response.ok) throw new Error(`${path} answered ${response.status}`)
  return (await response.json()) as T
}
