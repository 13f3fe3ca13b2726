import { setTimeout as sleep } from 'node:timers/promises'

const EVERY_MS = 1_000

/**
 * Sends a command whose handler never returns once a second, until `over` has settled.
 *
 * @returns how long it took until each was answered, ms
 */
export async function sendEndless(port: number, over: Promise<unknown>): Promise<number[]> {
  const answered: number[] = []
  let isOver = false
  const end = () => {
    isOver = true
  }
  over.then(end, end)
  for (let n = 0; !isOver; n++) {
    const startedAt = performance.now()
    const url = `http://127.0.0.1:${port}/v1/entities/account/endless-${n}/spin`
    const response = await fetch(url, { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } })
    const { error } = (await response.json()) as { readonly error?: { readonly code: string } }
    if (error?.code !== 'handler_failed') {
      throw new Error(`an endless handler was answered ${response.status} ${error?.code}`)
    }
    answered.push(performance.now() - startedAt)
    await Promise.race([sleep(EVERY_MS), over])
  }
  return answered
}
