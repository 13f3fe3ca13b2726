import { BASE, type Point } from '../growth/point.ts'

/** So many partitions that each of the workers and masters of any spread has some. */
export const LOAD: Point = { ...BASE, partitions: 12, eventsPerSec: 5_000 }
