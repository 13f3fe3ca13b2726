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
    reasons: {
      gateway:
        'a frame is cut into a slice for each partition, and each partition is appended to and read by itself: writes to Redis and commands of ioredis lead the profile',
      worker:
        'each partition is read, folded and committed by itself: writes to Redis, commands of ioredis and promises lead the profile',
      redis:
        'its scripts are called 0.015, 0.10 and 0.57 times for an event with 1, 8 and 64 partitions (INFO commandstats)',
    },
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
    reasons: {
      gateway:
        'each frame is received, put in a batch and answered by itself: message, add and answer lead the profile with frames of 10, and are not in that with frames of 100',
      redis:
        'each slice of a frame is judged, and kept for its producer, by itself: half as many calls of the script take twice as long for an event with frames of 10 (INFO commandstats)',
    },
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
    reasons: {
      worker:
        'the windows of all topics are looked at in every turn of a partition: watermarkFor, advanceOne and isIdle are in the profile, and not with one topic',
      redis: 'as many calls, each of which names all topics: one XREAD takes six times as long (INFO commandstats)',
    },
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
    reasons: {
      gateway:
        'an event is appended, read and encoded once, however many get it: with 10 subscribers calls of Redis lead the profile, with 1,000 half of it is writes to their sockets',
    },
  },
  {
    name: 'filters',
    points: over([0, 100], (filters) => ({ filters })),
    per: 'event',
    processes: ['gateway'],
    reasons: {
      gateway:
        'each event is parsed and tried by every filter, and goes to one subscriber more: send, route and the parse of the body lead the profile',
    },
  },
]

function over(values: readonly number[], change: (value: number) => Partial<Point>): Record<string, Point> {
  return Object.fromEntries(values.map((value) => [value, { ...BASE, ...change(value) }]))
}
