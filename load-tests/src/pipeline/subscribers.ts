/**
 * Child process of `bench pipeline`: SDK subscribers of `sensor.10s`, the keys spread over them, measuring how late
 * panes come.
 */
import { createClient } from '@tidegate/client/node'
import { percentile } from '../support/percentile.ts'

export interface SubscribersOptions {
  readonly port: number
  readonly subscribers: number
  readonly keys: number
  readonly outOfOrdernessMs: number
}

export interface SubscribersReport {
  readonly panes: number
  readonly gaps: number
  readonly windowLagP50Ms: number
  readonly windowLagP99Ms: number
}

interface Pane {
  readonly end: number
  readonly revision: number
}

async function run({ port, subscribers, keys, outOfOrdernessMs }: SubscribersOptions): Promise<void> {
  let lags: number[] = []
  let gaps = 0
  const clients = Array.from({ length: subscribers }, () => createClient({ url: `http://127.0.0.1:${port}` }))
  await Promise.all(
    clients.map((client, i) => {
      const own = Array.from({ length: keys / subscribers }, (_, n) => `s-${i + n * subscribers}`)
      const subscription = client.subscribe('sensor.10s', { keys: own }, ({ data }) => {
        const { end, revision } = data as Pane
        if (revision === 0) lags.push(Date.now() - (end + outOfOrdernessMs))
      })
      subscription.onGap(() => gaps++)
      return subscription.ready
    }),
  )
  process.on('message', (message: 'reset' | 'report') => {
    if (message === 'report') {
      const report: SubscribersReport = {
        panes: lags.length,
        gaps,
        windowLagP50Ms: percentile(lags, 0.5),
        windowLagP99Ms: percentile(lags, 0.99),
      }
      process.send!(report)
    }
    lags = []
    gaps = 0
  })
  process.send!({ type: 'ready' })
}

process.once('message', (options: SubscribersOptions) => {
  run(options).catch((error: unknown) => {
    console.error(error)
    process.exit(1)
  })
})
