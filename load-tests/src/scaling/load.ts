import { BASE, type Point } from '../growth/point.ts'

/** So many partitions that each of the workers and masters of any spread has some. */
export const LOAD: Point = { ...BASE, partitions: 12, eventsPerSec: 5_000 }
/** Frames come one by one, and each is divided among all partitions. A publisher that was held up sends several at once, which are stored together. */
export const EVENTS_PER_BATCH = LOAD.eventsPerFrame / LOAD.partitions
