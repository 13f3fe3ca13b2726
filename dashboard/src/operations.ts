import { type RatesAnswer, readRates, readStatus, Unauthorized } from './gateway.ts'
import type { Monitor } from './model/monitor.ts'

/** As often as processes report, twice. */
const ASK_EVERY_MS = 2_000

/** Keeps rates and the state of the deployment current, while somebody looks at the page. */
export async function watchOperations(monitor: Monitor): Promise<void> {
  for (;;) {
    try {
      if (document.hidden) monitor.freshness.paused()
      else await ask(monitor)
    } catch (error) {
      // Another token takes a reload: until then each question would be one more refusal in the log.
      if (error instanceof Unauthorized) return
    }
    await untilAskedAgain()
  }
}

async function ask(monitor: Monitor): Promise<void> {
  if (monitor.operations.kind === 'withheld') return take(monitor, await readRates())
  const answer = await readStatus()
  if (answer.kind === 'withheld') {
    monitor.operations = answer
    return take(monitor, await readRates())
  }
  monitor.operations = { kind: 'shown', status: answer.status }
  take(monitor, answer.status)
}

function take(monitor: Monitor, { at, fault, stored }: RatesAnswer): void {
  monitor.rates.set(stored)
  monitor.freshness.answered(Date.now(), fault === undefined ? undefined : { since: at, why: fault })
}

function untilAskedAgain(): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      document.removeEventListener('visibilitychange', done)
      resolve()
    }
    const timer = setTimeout(done, ASK_EVERY_MS)
    document.addEventListener('visibilitychange', done)
  })
}
