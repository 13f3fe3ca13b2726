/** Child process of `requestEvenly`: GET requests in an open loop, over kept connections. */
import { Agent, get } from 'node:http'
import { percentile } from './percentile.ts'
import type { RequesterOptions, RequesterReport } from './request-evenly.ts'

const PACE_MS = 1

/** Latency is from the time at which a request was due, so that a stall is not hidden by requests that were not sent. */
async function run(options: RequesterOptions): Promise<RequesterReport> {
  const { port, paths, connections, perSec, warmupMs, measureMs } = options
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const latencies: number[] = []
  const answers: Promise<void>[] = []
  const startedAt = performance.now()
  const endsAt = startedAt + warmupMs + measureMs
  for (let sent = 0; ; await pause(PACE_MS)) {
    const now = performance.now()
    if (now >= endsAt) break
    for (; startedAt + (sent / perSec) * 1_000 <= now; sent++) {
      const dueAt = startedAt + (sent / perSec) * 1_000
      const answer = requested(agent, port, paths[sent % paths.length]!).then(() => {
        if (dueAt >= startedAt + warmupMs) latencies.push(performance.now() - dueAt)
      })
      answers.push(answer)
    }
  }
  await Promise.all(answers)
  agent.destroy()
  return {
    perSec: Math.round(latencies.length / (measureMs / 1_000)),
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
  }
}

/** Resolves when the answer has come whole. @throws where it is not 200 */
function requested(agent: Agent, port: number, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = get({ agent, host: '127.0.0.1', port, path }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`${path} was answered ${response.statusCode}`))
      response.resume()
      response.once('end', resolve)
    })
    request.once('error', reject)
  })
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

process.once('message', (options: RequesterOptions) => {
  run(options).then(
    (report) => process.send!(report, () => process.exit(0)),
    (error: unknown) => {
      console.error(error)
      process.exit(1)
    },
  )
})
