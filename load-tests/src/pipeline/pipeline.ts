import { measureControl } from '../ingest/ingest.ts'
import type { Benchmark } from '../support/benchmark.ts'
import { type DrivenPipeline, type Step, startPipeline } from './driven-pipeline.ts'

/** Shares of the control between which the highest rate is looked for by bisection, and how exactly. */
const SHARES = { least: 0.02, most: 0.4, exactTo: 1.12 } as const
/** At the least share: a cold step that falls behind says nothing of a warm one. */
const WARM_UP_MS = 15_000
const STEP_MS = 12_000
const CONFIRM_MS = 30_000
/** What is tried next where a rate was not kept up for that long. */
const LESS = 0.9

export const pipeline: Benchmark = {
  description:
    'Events per second through gateway, worker and 100 subscribers while the worker keeps up, and how late panes come',
  control: 'uWebSockets.js and JSON.parse alone on the same frames: nothing is stored, folded or delivered',
  notMeasured:
    'entities; networks other than loopback; publisher, subscribers, gateway, worker and Redis share the cores',
  async run(progress) {
    progress('control: uWebSockets.js + JSON.parse')
    const control = await measureControl()
    progress(`control ${control.eventsPerSec} events/s`)
    const running = await startPipeline()
    try {
      const { eventsPerSec, ackP99Ms, lags, cpuUsPerEvent } = await findHighest(running, control.eventsPerSec, progress)
      const { windowLagP50Ms, windowLagP99Ms, panes, gaps } = await running.panes()
      return {
        eventsPerSec,
        windowLagP99Ms,
        controlEventsPerSec: control.eventsPerSec,
        ratio: Math.round((eventsPerSec / control.eventsPerSec) * 100) / 100,
        windowLagP50Ms,
        ackP99Ms: Math.round(ackP99Ms),
        consumerLagMaxMs: Math.max(...lags),
        cpuUsPerEvent,
        panes,
        gaps,
      }
    } finally {
      await running.stop()
    }
  },
}

/** The step over `CONFIRM_MS` at about the highest rate that is kept up with. */
async function findHighest(running: DrivenPipeline, control: number, progress: (text: string) => void): Promise<Step> {
  const drive = async (rate: number, measureMs: number) => {
    const step = await running.drive(Math.round(rate), measureMs)
    progress(
      `${Math.round(rate)} events/s: ${step.keptUp ? 'kept up' : `fell behind, ${step.eventsPerSec} acknowledged`}, lag ${step.lags.join(' ')} ms`,
    )
    if (!step.keptUp) await running.catchUp()
    return step
  }
  progress('warming up')
  await drive(SHARES.least * control, WARM_UP_MS)
  let [kept, missed] = [SHARES.least * control, SHARES.most * control]
  while (missed / kept > SHARES.exactTo) {
    const tried = Math.sqrt(kept * missed)
    if ((await drive(tried, STEP_MS)).keptUp) kept = tried
    else missed = tried
  }
  let step = await drive(kept, CONFIRM_MS)
  while (!step.keptUp && kept > SHARES.least * control * LESS) {
    kept *= LESS
    step = await drive(kept, CONFIRM_MS)
  }
  return step
}
