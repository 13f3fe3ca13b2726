/** A load whose costs are measured. */
export interface Point {
  readonly partitions: number
  readonly keys: number
  readonly producers: number
  readonly eventsPerFrame: number
  /** Bytes of an event as JSON. */
  readonly eventBytes: number
  readonly topics: number
  /** Subscribers of everything. */
  readonly subscribers: number
  /** Further subscribers, each with a filter of its own that one event in a hundred passes. */
  readonly filters: number
  readonly eventsPerSec: number
}

/** Of the processes, and of nothing else, as CPU goes. */
export const PROCESSES = ['gateway', 'worker', 'redis'] as const
export type ProcessName = (typeof PROCESSES)[number]
export type ByProcess<T> = Readonly<Record<ProcessName, T>>

/** The point from which each axis departs. */
export const BASE: Point = {
  partitions: 8,
  keys: 1_000,
  producers: 50,
  eventsPerFrame: 100,
  eventBytes: 100,
  topics: 1,
  subscribers: 1,
  filters: 0,
  eventsPerSec: 10_000,
}
