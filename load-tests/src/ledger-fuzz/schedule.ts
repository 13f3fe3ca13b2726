import { LANES, type Lane, type OnSlow, type SubscribeOptions } from '@tidegate/protocol'
import { createRandom } from '../support/random.ts'
import { TOPIC_NAMES, type TopicName } from './topics.ts'

export type Policy = Pick<SubscribeOptions, 'onSlow' | 'maxRate' | 'batch'>

/** An action at some time of a run, ms from its start. */
export type Step = { readonly at: number } & (
  | {
      readonly do: 'publish'
      readonly topic: TopicName
      readonly events: number
      readonly bytes: number
      readonly lanes: readonly Lane[]
    }
  /** Reads nothing from the socket for this long. */
  | { readonly do: 'pause'; readonly forMs: number }
  /** Continues reading, but consumes only this much for this long: the server learns it by credit. */
  | { readonly do: 'consume'; readonly bytesPerSec: number; readonly forMs: number }
  | { readonly do: 'change'; readonly policy: Policy }
  /** Closes the connection and comes back from where it was. */
  | { readonly do: 'close'; readonly absentMs: number; readonly elsewhere: boolean }
  /** Unsubscribes and subscribes anew. */
  | { readonly do: 'again' }
)

export interface Schedule {
  readonly seed: number
  /** Which of the two gateways: one has hardly any room for what waits, the other as much as it has by default. */
  readonly gateway: 0 | 1
  /** With a window the client sends credit, without one the server goes by what its socket buffers. */
  readonly windowBytes: number | undefined
  /** Subscribes to both topics of its slot. */
  readonly both: boolean
  readonly keys: number
  readonly options: Pick<SubscribeOptions, 'keys' | 'where' | 'lanes'>
  readonly policy: Policy
  readonly steps: readonly Step[]
}

type Range = readonly [from: number, to: number]
type Volume = { readonly share: number; readonly events: Range; readonly bytes: Range }

const LENGTH_MS = 1_600
const WINDOWS = [4_096, 8_192, 16_384, 65_536]
const RATES = [1, 4, 20, 100]
/** Some runs have so many events that the bounds of a session, and the buffers of the kernel, are exceeded. */
const VOLUMES: readonly [Volume, Volume, Volume] = [
  { share: 0.86, events: [20, 250], bytes: [20, 400] },
  { share: 0.1, events: [15, 60], bytes: [4_000, 40_000] },
  { share: 0.04, events: [2_000, 4_000], bytes: [1, 20] },
]

/** The schedule of a seed. The same seed gives the same schedule. @param policies those that may be requested */
export function createSchedule(seed: number, policies: readonly OnSlow[]): Schedule {
  const random = createRandom(seed)
  const chance = (share: number) => random() < share
  const between = (from: number, to: number) => Math.floor(from + random() * (to - from + 1))
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!
  const keys = pick([1, 3, 12, 60])
  const createPolicy = (): Policy => ({
    onSlow: pick(policies),
    ...(chance(0.3) && { maxRate: pick(RATES) }),
    ...(chance(0.25) && { batch: { maxMs: between(1, 200), ...(chance(0.5) && { maxEvents: between(1, 50) }) } }),
  })
  const volume = pickVolume()
  const highOnly = chance(0.05)
  const steps: Step[] = []
  for (let i = between(5, 12); i > 0; i--) {
    const lanes = highOnly
      ? (['high'] as const)
      : chance(0.5)
        ? LANES
        : chance(0.5)
          ? (['low'] as const)
          : (['normal', 'low'] as const)
    const [events, bytes] = [between(...volume.events), between(...volume.bytes)]
    steps.push({ at: between(0, LENGTH_MS), do: 'publish', topic: pick(TOPIC_NAMES), events, bytes, lanes })
  }
  // A share of the clients always keeps up: these show the effect of maxRate.
  if (!chance(0.15))
    for (let i = between(2, 7); i > 0; i--) steps.push({ at: between(0, LENGTH_MS), ...createDisturbance() })
  return {
    seed,
    gateway: chance(0.5) ? 0 : 1,
    windowBytes: chance(0.85) ? pick(WINDOWS) : undefined,
    both: chance(0.3),
    keys,
    options: {
      ...(chance(0.2) && { keys: Array.from({ length: between(1, keys) }, (_, key) => `k${key}`) }),
      ...(chance(0.2) && { where: 'data.group < 2' }),
      ...(chance(0.2) && { lanes: pick<readonly Lane[]>([['low'], ['normal', 'low'], ['high', 'low'], ['high']]) }),
    },
    policy: createPolicy(),
    steps: steps.sort((a, b) => a.at - b.at),
  }

  function pickVolume() {
    const [small, large, many] = VOLUMES
    const which = random()
    return which < small.share ? small : which < small.share + large.share ? large : many
  }

  function createDisturbance() {
    const which = random()
    if (which < 0.3) return { do: 'pause', forMs: between(20, 1_000) } as const
    if (which < 0.6)
      return { do: 'consume', bytesPerSec: pick([0, 0, 5_000, 50_000]), forMs: between(50, 1_200) } as const
    if (which < 0.75) return { do: 'change', policy: createPolicy() } as const
    if (which < 0.92) return { do: 'close', absentMs: between(0, 400), elsewhere: chance(0.4) } as const
    return { do: 'again' } as const
  }
}
