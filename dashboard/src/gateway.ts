import type { TopicList } from './model/topics.ts'

const RETRY_MS = 1_000

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
