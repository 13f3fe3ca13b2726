import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from '@tidegate/client/node'
import { runSeeds } from '../support/run-seeds.ts'
import { addCounts, type Counts, noCounts } from './account.ts'
import { QUEUE_MEGABYTES, startDeployment } from './deployment.ts'
import { type RunReport, run } from './run.ts'
import { SLOTS } from './topics.ts'

export interface FuzzOptions {
  readonly seed: number
  readonly runs: number
  readonly parallel: number
  readonly onRun?: (report: RunReport) => void
}

export interface FuzzReport extends Counts {
  readonly seed: number
  readonly runs: number
  readonly published: number
  readonly resumes: number
  readonly closedAsSlow: number
  readonly resets: number
  /** Most that ever waited in the gateway with the small budget, and that budget. */
  readonly queueBytesPeak: number
  readonly queueBytesBudget: number
  /** Memory held by both gateways when every client is gone. */
  readonly queueBytesLeft: number
  readonly failed: readonly { readonly seed: number; readonly faults: readonly string[] }[]
}

const WATCH_MS = 50
/** A closed connection is known to be by then. */
const GONE_MS = 200

/** Runs schedules, several at a time, against two gateways on one Redis. */
export async function fuzz({ seed, runs, parallel, onRun }: FuzzOptions): Promise<FuzzReport> {
  const deployment = await startDeployment()
  const publisher = createClient({
    url: `http://127.0.0.1:${deployment.ports[1]}`,
    outbox: { maxFrames: 1_024, maxBytes: 256 * 1_048_576 },
  })
  const reports: RunReport[] = []
  let queueBytesPeak = 0
  const watch = setInterval(async () => {
    queueBytesPeak = Math.max(queueBytesPeak, await queueBytes(deployment.ports[0]).catch(() => 0))
  }, WATCH_MS)
  let queueBytesLeft = 0
  try {
    await runSeeds({ first: seed, count: runs, parallel: Math.min(parallel, SLOTS) }, async (own, slot) => {
      const report = await run(own, slot, deployment, publisher).catch((error: Error) => broken(own, error))
      reports.push(report)
      onRun?.(report)
    })
    await sleep(GONE_MS)
    for (const port of deployment.ports) queueBytesLeft += await queueBytes(port)
  } finally {
    clearInterval(watch)
    await publisher.close({ deadlineMs: 0 })
    await deployment.stop()
  }
  const received = noCounts()
  for (const report of reports) addCounts(received, report.received)
  const sum = (of: (report: RunReport) => number) => reports.reduce((total, report) => total + of(report), 0)
  return {
    seed,
    runs: reports.length,
    published: sum(({ published }) => published),
    ...received,
    resumes: sum(({ resumes }) => resumes),
    closedAsSlow: sum(({ closedAsSlow }) => closedAsSlow),
    resets: sum(({ resets }) => resets),
    queueBytesPeak,
    queueBytesLeft,
    queueBytesBudget: QUEUE_MEGABYTES[0] * 1_048_576,
    failed: reports
      .filter(({ faults }) => faults.length > 0)
      .map(({ seed: failed, faults }) => ({ seed: failed, faults })),
  }
}

async function queueBytes(port: number): Promise<number> {
  const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  return Number(/^tidegate_queue_memory_bytes (\d+)/m.exec(metrics)?.[1] ?? 0)
}

function broken(seed: number, error: Error): RunReport {
  return {
    seed,
    published: 0,
    received: noCounts(),
    resumes: 0,
    closedAsSlow: 0,
    resets: 0,
    faults: [error.stack ?? error.message],
  }
}
