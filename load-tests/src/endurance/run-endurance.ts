import { setTimeout as sleep } from 'node:timers/promises'
import { openCommandConnection, untilReady } from '../../../server/src/bus/redis/connection.ts'
import { Deployment, PARTITIONS } from '../chaos/deployment.ts'
import { createRandom } from '../support/random.ts'
import type { Fsync } from '../support/redis-server.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'
import { account, isExact, type Totals } from './account.ts'
import { Publishers } from './publishers.ts'
import { Subscriber } from './subscriber.ts'
import { Troubles } from './troubles.ts'

export interface EnduranceOptions {
  readonly minutes: number
  readonly seed: number
  readonly fsync: Fsync
}

export interface EnduranceReport extends EnduranceOptions, Totals {
  readonly published: number
  readonly rejected: Readonly<Record<string, number>>
  readonly troubles: Readonly<Record<string, number>>
  readonly ok: boolean
}

const PUBLISHERS = 3
const PROGRESS_EVERY_MS = 10_000
const EXCHANGE_EVERY_MS = 15_000
const SLOW_WINDOW_BYTES = 4_096
const SLOW_MAX_MS = 80
const CONFLATING_MAX_MS = 60
/** Time for pending events to arrive, windows to close, and duplicates to appear. */
const QUIET_MS = 6_000
/** After this long without a delivery, missing events will not come. A slow subscriber may be minutes behind. */
const STALL_MS = 60_000
const ANSWER_DEADLINE_MS = 10_000
const MINUTE_MS = 60_000
const MB = 1_048_576

/** Publishes and subscribes under continuous trouble, until it is stopped, and accounts for every event. */
export async function runEndurance(
  { minutes, seed, fsync }: EnduranceOptions,
  say: (message: string) => void,
): Promise<EnduranceReport> {
  const random = createRandom(seed)
  const deployment = await Deployment.start({ fsync, isOwn: true }, random)
  const closing: (() => void | Promise<void>)[] = [() => deployment.close()]
  try {
    const ports = () => deployment.gateways.map(({ port }) => port)
    const fronts = await Promise.all([TcpProxy.open(ports), TcpProxy.open(() => ports().reverse())])
    closing.push(...fronts.map((front) => () => front.close()))
    const urlOf = (i: number) => `http://127.0.0.1:${fronts[i % fronts.length]!.port}`
    const slowed = (maxMs: number) => () => Math.max(0, random() * 2 - 1) * maxMs
    const [resuming, ...others] = [
      new Subscriber({ name: 'resuming', url: urlOf(0) }),
      new Subscriber({ name: 'steady', url: urlOf(0) }),
      new Subscriber({ name: 'steady too', url: urlOf(1) }),
      new Subscriber({
        name: 'slow',
        url: urlOf(1),
        subscribe: { onSlow: 'drop-oldest' },
        windowBytes: SLOW_WINDOW_BYTES,
        paceMs: slowed(SLOW_MAX_MS),
      }),
      new Subscriber({
        name: 'conflating',
        url: urlOf(0),
        subscribe: { onSlow: 'conflate' },
        windowBytes: SLOW_WINDOW_BYTES,
        paceMs: slowed(CONFLATING_MAX_MS),
      }),
    ] as const
    const subscribers = [resuming, ...others]
    closing.push(...subscribers.map((subscriber) => () => subscriber.close()))
    await Promise.all(subscribers.map((subscriber) => subscriber.ready()))
    const publishers = new Publishers(
      Array.from({ length: PUBLISHERS }, (_, i) => urlOf(i)),
      random,
    )
    closing.push(() => publishers.stop())
    const troubles = new Troubles(deployment, fronts, random)
    await untilOver(minutes, resuming, (elapsed) => {
      const delivered = subscribers.map((each) => `${each.name} ${each.delivered}`).join(', ')
      const { published, acked } = publishers
      const heap = Math.round(process.memoryUsage().rss / MB)
      say(
        `${elapsed} of ${minutes} min, seed ${seed}: published ${published}, acked ${acked}, troubles ${troubles.total}; delivered: ${delivered}; ${heap} MB`,
      )
    })
    say('no more trouble; draining')
    for (const subscriber of subscribers) subscriber.hurry()
    await troubles.stop()
    await publishers.stop()
    const redis = openCommandConnection(deployment.redisUrl, 'endurance')
    closing.push(() => redis.disconnect())
    await untilReady(redis, ANSWER_DEADLINE_MS)
    const look = () => account(redis, PARTITIONS, publishers, subscribers)
    await untilQuiet(subscribers)
    let totals = await look()
    for (const deadline = performance.now() + STALL_MS; !isExact(totals) && performance.now() < deadline; ) {
      await sleep(QUIET_MS)
      totals = await look()
    }
    const ended = deployment.members.filter(({ isAlive }) => !isAlive).map(({ name }) => `${name} ended by itself`)
    return {
      minutes,
      seed,
      fsync,
      published: publishers.published,
      rejected: Object.fromEntries(publishers.rejected),
      troubles: Object.fromEntries(troubles.counts),
      ...totals,
      faults: [...totals.faults, ...ended],
      ok: isExact(totals) && ended.length === 0,
    }
  } finally {
    for (const close of closing.reverse()) await close()
  }
}

/** Waits until nothing was delivered for a while. */
async function untilQuiet(subscribers: readonly Subscriber[]): Promise<void> {
  const count = () => subscribers.reduce((sum, { received }) => sum + received, 0)
  for (let before = -1; before !== count(); ) {
    before = count()
    await sleep(QUIET_MS)
  }
}

async function untilOver(minutes: number, resuming: Subscriber, say: (elapsed: string) => void): Promise<void> {
  const startedAt = performance.now()
  const endsAt = startedAt + minutes * MINUTE_MS
  let exchangedAt = startedAt
  while (performance.now() < endsAt) {
    await sleep(Math.min(PROGRESS_EVERY_MS, Math.max(0, endsAt - performance.now())))
    say(((performance.now() - startedAt) / MINUTE_MS).toFixed(1))
    if (performance.now() - exchangedAt < EXCHANGE_EVERY_MS) continue
    exchangedAt = performance.now()
    await resuming.exchange()
  }
}
