/** Events of a topic that gateways and workers say they have stored. */
export async function storedCount(url: string, topic: string, headers: Record<string, string> = {}): Promise<number> {
  const response = await fetch(`${url}/v1/rates`, { headers })
  const { stored } = (await response.json()) as { stored: { topics: { topic: string; total: number }[] } }
  return stored.topics.find((one) => one.topic === topic)?.total ?? 0
}
