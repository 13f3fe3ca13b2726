import { BASE, type Point, type ProcessName } from './point.ts'

/** One quantity that grows while everything else stays. */
export interface Axis {
  readonly name: string
  /** The points, by what is said of each. */
  readonly points: Readonly<Record<string, Point>>
  /** Costs are of an event that is published, or of one that is delivered to one subscriber. */
  readonly per: 'event' | 'delivery'
  /** The processes whose cost this quantity could change. */
  readonly processes: readonly ProcessName[]
  /** Why the cost changes, as a profile showed. */
  readonly reasons: Readonly<Partial<Record<ProcessName, string>>>
}

const ALL: readonly ProcessName[] = ['gateway', 'worker', 'redis']
/** As producers are that have one event at a time. So few of them that four stay below their grants while the machine pauses. */
const SINGLE: Partial<Point> = { eventsPerFrame: 1, eventsPerSec: 2_000 }
/** So that a frame of the largest events stays well below the grant of a connection. */
const SIZED: Partial<Point> = { eventsPerFrame: 10 }
/** Frames of one event each; fewer of them the more subscribers get each, so that the gateway is far from its limit. */
const DELIVERED: Partial<Point> = { eventsPerFrame: 1, producers: 1 }

export const AXES: readonly Axis[] = [
  {
    name: 'partitions',
    points: over([1, 8, 64], (partitions) => ({ partitions })),
    per: 'event',
    processes: ALL,
    reasons: {},
  },
  {
    name: 'keys',
    points: over([1_000, 100_000, 1_000_000], (keys) => ({ keys })),
    per: 'event',
    processes: ALL,
    reasons: {},
  },
  {
    name: 'producers',
    points: over([4, 500, 5_000], (producers) => ({ ...SINGLE, producers })),
    per: 'event',
    processes: ALL,
    reasons: {},
  },
  {
    name: 'eventsPerFrame',
    points: over([1, 10, 100], (eventsPerFrame) => ({ eventsPerFrame })),
    per: 'event',
    processes: ALL,
    reasons: {},
  },
  {
    name: 'eventBytes',
    points: over([100, 1_000, 10_000], (eventBytes) => ({
      ...SIZED,
      eventBytes,
      eventsPerSec: eventBytes < 10_000 ? BASE.eventsPerSec : 2_000,
    })),
    per: 'event',
    processes: ALL,
    reasons: {},
  },
  {
    name: 'topics',
    points: over([1, 20], (topics) => ({ topics })),
    per: 'event',
    processes: ALL,
    reasons: {},
  },
  {
    name: 'subscribers',
    points: over([10, 100, 1_000, 5_000], (subscribers) => ({
      ...DELIVERED,
      subscribers,
      eventsPerSec: Math.min(200, 20_000 / subscribers),
    })),
    per: 'delivery',
    processes: ['gateway'],
    reasons: {},
  },
  {
    name: 'filters',
    points: over([0, 100], (filters) => ({ filters })),
    per: 'event',
    processes: ['gateway'],
    reasons: {},
  },
]

function over(values: readonly number[], change: (value: number) => Partial<Point>): Record<string, Point> {
  return Object.fromEntries(values.map((value) => [value, { ...BASE, ...change(value) }]))
}
