import { setTimeout as sleep } from 'node:timers/promises'
import type { Deployment } from '../chaos/deployment.ts'
import type { Member } from '../chaos/member.ts'
import type { TcpProxy } from '../support/tcp-proxy.ts'

/** Troubles begin so far apart, and may overlap unless they would happen to the same process. */
const APART_MIN_MS = 1_000
const APART_MAX_MS = 7_000
/** Longer than any deadline and lease. */
const AWAY_MAX_MS = 3_000
const ASLEEP_MAX_MS = 6_000
const HELD_MAX_MS = 4_000

/** Something that happens to one thing, from its beginning until its cause is over. */
interface Trouble {
  readonly kind: string
  readonly victim: unknown
  happen(): Promise<void>
}

/** Disturbs all parts of a deployment at random until it is stopped. */
export class Troubles {
  /** Kind -> how many there were. */
  readonly counts = new Map<string, number>()
  /** By target: Redis, of which there is one, gets as many as two gateways. */
  readonly #groups: readonly (readonly Trouble[])[]
  readonly #random: () => number
  readonly #victims = new Set<unknown>()
  readonly #underWay = new Set<Promise<void>>()
  readonly #stopped = new AbortController()
  readonly #running: Promise<void>

  constructor(deployment: Deployment, fronts: readonly TcpProxy[], random: () => number) {
    this.#random = random
    this.#groups = [
      deployment.gateways.flatMap((gateway) => this.#ofMember(gateway)),
      deployment.workers.flatMap((worker) => this.#ofMember(worker)),
      this.#ofRedis(deployment),
      this.#ofLink(deployment.link),
      fronts.map((front) => ({
        kind: 'connections of clients cut',
        victim: front,
        happen: async () => front.cut(),
      })),
    ]
    this.#running = this.#run()
  }

  get total(): number {
    return [...this.counts.values()].reduce((sum, count) => sum + count, 0)
  }

  /** Nothing more happens; resolves when the causes of all that did are over. */
  async stop(): Promise<void> {
    this.#stopped.abort()
    await this.#running
    await Promise.all(this.#underWay)
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopped
    while (!signal.aborted) {
      await sleep(this.#between(APART_MIN_MS, APART_MAX_MS), undefined, { signal }).catch(() => {})
      if (!signal.aborted) this.#begin(this.#oneOf(this.#oneOf(this.#groups)))
    }
  }

  #begin({ kind, victim, happen }: Trouble): void {
    if (this.#victims.has(victim)) return
    this.#victims.add(victim)
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1)
    const underWay = happen().finally(() => {
      this.#victims.delete(victim)
      this.#underWay.delete(underWay)
    })
    this.#underWay.add(underWay)
  }

  #ofMember(member: Member): Trouble[] {
    const kindOf = (what: string) => `${what} of a ${member.name.split('-')[0]}`
    return [
      {
        kind: kindOf('kill -9'),
        victim: member,
        happen: async () => {
          await member.kill()
          await sleep(this.#between(0, AWAY_MAX_MS))
          await member.start()
        },
      },
      {
        kind: kindOf('SIGSTOP'),
        victim: member,
        happen: async () => {
          member.signal('SIGSTOP')
          await sleep(this.#between(0, ASLEEP_MAX_MS))
          member.signal('SIGCONT')
        },
      },
    ]
  }

  #ofRedis({ redis }: Deployment): Trouble[] {
    return [
      {
        kind: 'kill -9 of Redis',
        victim: redis,
        happen: async () => {
          await redis.end('SIGKILL')
          await sleep(this.#between(0, AWAY_MAX_MS))
          await redis.start()
        },
      },
      {
        kind: 'SIGSTOP of Redis',
        victim: redis,
        happen: async () => {
          redis.suspend()
          await sleep(this.#between(0, ASLEEP_MAX_MS))
          redis.resume()
        },
      },
    ]
  }

  #ofLink(link: TcpProxy): Trouble[] {
    const held = (kind: string, hold: () => void): Trouble => ({
      kind,
      victim: link,
      happen: async () => {
        hold()
        await sleep(this.#between(0, HELD_MAX_MS))
        link.heal()
      },
    })
    return [
      { kind: 'connections to Redis cut', victim: link, happen: async () => link.cut() },
      held('nothing passes to and from Redis', () => link.blackHole()),
      held('nobody hears Redis', () => link.mute()),
    ]
  }

  #oneOf<Item>(items: readonly Item[]): Item {
    return items[Math.floor(this.#random() * items.length)]!
  }

  #between(minMs: number, maxMs: number): number {
    return minMs + this.#random() * (maxMs - minMs)
  }
}
