/**
 * Child process of `bench priority`, in a network namespace of its own: gateway, shaped link, SDK reader, and what is
 * published.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { createClient } from '@tidegate/client/node'
import { partitionOf } from '../../../server/src/bus/index.ts'
import { LogFiller, PARTITIONS } from '../support/log-filler.ts'
import { percentile } from '../support/percentile.ts'
import { startTidegate } from '../support/processes.ts'

export interface LinkOptions {
  readonly redisUrl: string
  readonly linkBitsPerSec: number
  readonly windowBytes: number
}

export interface LinkReport {
  readonly highP50Ms: number
  readonly highP99Ms: number
  readonly highEvents: number
  readonly lowP50Ms: number
  readonly lowKbitPerSec: number
  readonly gaps: number
  readonly highLost: number
}

interface Data {
  readonly key: string
  readonly sentAt: number
  readonly text: string
}

const CONFIG = fileURLToPath(new URL('./priority.config.ts', import.meta.url))
/** Ten times what the link takes. */
const BULK_EVENTS_PER_TICK = 12
const BULK_TEXT = 'x'.repeat(1_000)
const TICK_MS = 10
const HIGH_EVERY_MS = 100
const WARM_UP_MS = 5_000
const MEASURE_MS = 30_000

/** Gives what a port sends over loopback a rate, in packets of ordinary size. */
function shapeLink(port: number, bitsPerSec: number): void {
  for (const command of [
    'tc qdisc add dev lo root handle 1: htb default 10',
    'tc class add dev lo parent 1: classid 1:10 htb rate 10gbit',
    `tc class add dev lo parent 1: classid 1:20 htb rate ${bitsPerSec}bit burst 3k`,
    'tc qdisc add dev lo parent 1:20 handle 20: pfifo limit 200',
    `tc filter add dev lo parent 1: protocol ip u32 match ip sport ${port} 0xffff flowid 1:20`,
  ]) {
    run(command)
  }
}

function run(command: string): void {
  const [name, ...args] = command.split(' ') as [string, ...string[]]
  const { status, stderr } = spawnSync(name, args)
  if (status !== 0) throw new Error(`${command}: ${stderr}`)
}

async function measure({ redisUrl, linkBitsPerSec, windowBytes }: LinkOptions): Promise<LinkReport> {
  run('ip link set lo mtu 1500')
  run('ip link set lo up')
  const gateway = await startTidegate(['gateway', '--port', '0', '--config', CONFIG], { REDIS_URL: redisUrl })
  const filler = await LogFiller.open(redisUrl)
  const client = createClient({ url: `http://127.0.0.1:${gateway.port}`, windowBytes })
  const latencies = { high: [] as number[], low: [] as number[] }
  let gaps = 0
  let lowBytes = 0
  let measuring = false
  const high = client.subscribe('link.alarm', {}, ({ data }) => {
    if (measuring) latencies.high.push(Date.now() - (data as Data).sentAt)
  })
  const low = client.subscribe('link.bulk', {}, ({ data }) => {
    if (!measuring) return
    latencies.low.push(Date.now() - (data as Data).sentAt)
    lowBytes += (data as Data).text.length
  })
  for (const subscription of [high, low]) subscription.onGap(() => gaps++)
  await Promise.all([high.ready, low.ready])
  shapeLink(gateway.port, linkBitsPerSec)
  process.send!(`the link takes ${linkBitsPerSec / 1_000_000} Mbit/s from now on`)
  const stopBulk = publishEvery(filler, 'link.bulk', 'low', TICK_MS, BULK_EVENTS_PER_TICK, BULK_TEXT)
  await pause(WARM_UP_MS)
  measuring = true
  const stopHigh = publishEvery(filler, 'link.alarm', 'high', HIGH_EVERY_MS, 1, '')
  await pause(MEASURE_MS)
  const sent = stopHigh()
  // The last ones are still on their way, behind bulk that continues.
  await pause(3_000)
  measuring = false
  stopBulk()
  const report = {
    highP50Ms: percentile(latencies.high, 0.5),
    highP99Ms: percentile(latencies.high, 0.99),
    highEvents: latencies.high.length,
    lowP50Ms: percentile(latencies.low, 0.5),
    lowKbitPerSec: Math.round((lowBytes * 8) / MEASURE_MS),
    gaps,
    highLost: sent - latencies.high.length,
  }
  run('tc qdisc del dev lo root')
  await client.close({ deadlineMs: 1_000 })
  await gateway.stop()
  filler.close()
  return report
}

/** Appends events at a steady rate, past the link; returns what stops it and says how many there were. */
function publishEvery(
  filler: LogFiller,
  topic: string,
  lane: 'high' | 'low',
  everyMs: number,
  count: number,
  text: string,
): () => number {
  let sent = 0
  const timer = setInterval(() => {
    const key = `k-${sent % 64}`
    const now = Date.now()
    const events = Array.from({ length: count }, () => {
      return { id: `${topic}-${sent++}`, key, time: now, data: { key, sentAt: now, text } satisfies Data }
    })
    void filler.append(partitionOf(key, PARTITIONS), topic, events, lane)
  }, everyMs)
  return () => {
    clearInterval(timer)
    return sent
  }
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

process.once('message', (options: LinkOptions) => {
  measure(options).then(
    (report) => process.send!(report, () => process.exit(0)),
    (error: unknown) => {
      console.error(error)
      process.exit(1)
    },
  )
})
