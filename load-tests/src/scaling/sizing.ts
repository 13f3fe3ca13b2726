/** What a deployment has to do. */
export interface Demand {
  /** Published, of all producers. */
  readonly eventsPerSec: number
  /** Of an event as JSON. */
  readonly eventBytes: number
  /** Events that come to clients, over all of them. */
  readonly deliveriesPerSec: number
  /** Open at the same time. */
  readonly connections: number
  /** How long events are kept. */
  readonly retentionSeconds: number
  /** Of each master. */
  readonly replicas: number
  /** Share of the events that the clients of a gateway subscribe to, 0 to 1: each gateway reads those. */
  readonly readShare: number
}

/** What an event costs, on a core of the machine of docs/benchmarks.md. */
export interface Costs {
  /** CPU microseconds of a gateway for a published event, in frames of 100. */
  readonly publishMicros: number
  /** CPU microseconds of a gateway for an event that it reads. */
  readonly readMicros: number
  /** CPU microseconds of a gateway for an event that it writes to a socket, in frames of 30. */
  readonly deliverMicros: number
  /** CPU microseconds of a worker for an event, with one window over it. */
  readonly foldMicros: number
  /** CPU microseconds of Redis for an event that is appended, read by a worker, and committed. */
  readonly storeMicros: number
  /** The same for an event that a gateway reads. */
  readonly fetchMicros: number
  /** Memory of a gateway for a subscribed connection. */
  readonly connectionBytes: number
  /** Memory of Redis for a stored event, beyond the bytes of its JSON. */
  readonly entryBytes: number
}

/** How far a machine is used. */
export interface Limits {
  /** Of a core, by a process: the rest is for peaks, and for what others had when they failed. */
  readonly coreShare: number
  readonly gatewayConnections: number
  readonly redisBytes: number
  /** Of `maxmemory`: publishes are refused from 80 % on, and a fork for a snapshot takes some. */
  readonly memoryShare: number
}

export const LIMITS: Limits = {
  coreShare: 0.6,
  gatewayConnections: 10_000,
  redisBytes: 32 * 2 ** 30,
  memoryShare: 0.6,
}

export interface Size {
  readonly gateways: number
  readonly workers: number
  /** With replicas. */
  readonly redisNodes: number
  readonly masters: number
  /** At least. */
  readonly partitions: number
  /** Of all masters, in use. */
  readonly storedBytes: number
  readonly gatewayBytes: number
  /** Bytes a second: to gateways, from gateways to clients, to and from Redis, replicas included. */
  readonly network: { readonly in: number; readonly out: number; readonly redis: number }
}

const MICROS = 1e6
/** So that they can be spread evenly, and over more workers later. */
const PARTITIONS_FOR_EACH = 3
/** JSON around an event in a frame: its position, and its part of the names. */
const FRAME_BYTES = 60

/**
 * Computes what a demand needs. A gateway reads all events that its clients subscribe to, however many gateways there are, so their
 * number has a limit that more gateways do not move.
 *
 * @returns why none is enough, where that is so
 */
export function sizeOf(demand: Demand, costs: Costs, limits: Limits = LIMITS): Size | string {
  const { eventsPerSec, eventBytes, deliveriesPerSec, connections, retentionSeconds, replicas, readShare } = demand
  const readPerSec = eventsPerSec * readShare
  const readCores = (readPerSec * costs.readMicros) / MICROS
  const sharedCores = (eventsPerSec * costs.publishMicros + deliveriesPerSec * costs.deliverMicros) / MICROS
  if (readCores >= limits.coreShare) {
    const most = Math.floor((limits.coreShare * MICROS) / costs.readMicros)
    return `each gateway would read ${readPerSec} events a second, and one reads at most ${most}: have clients of different topics at different gateways`
  }
  const gateways = Math.max(
    2,
    Math.ceil(sharedCores / (limits.coreShare - readCores)),
    Math.ceil(connections / limits.gatewayConnections),
  )
  const workers = Math.max(2, Math.ceil((eventsPerSec * costs.foldMicros) / MICROS / limits.coreShare))
  const redisCores = (eventsPerSec * costs.storeMicros + readPerSec * costs.fetchMicros * gateways) / MICROS
  const storedBytes = eventsPerSec * retentionSeconds * (eventBytes + costs.entryBytes)
  const masters = Math.max(
    1,
    Math.ceil(redisCores / limits.coreShare),
    Math.ceil(storedBytes / (limits.redisBytes * limits.memoryShare)),
  )
  const published = eventsPerSec * (eventBytes + FRAME_BYTES)
  return {
    gateways,
    workers,
    masters,
    redisNodes: masters * (1 + replicas),
    partitions: PARTITIONS_FOR_EACH * Math.max(workers, masters),
    storedBytes,
    gatewayBytes: connections * costs.connectionBytes,
    network: {
      in: published,
      out: deliveriesPerSec * (eventBytes + FRAME_BYTES),
      redis: eventsPerSec * eventBytes * (2 + replicas) + readPerSec * eventBytes * gateways,
    },
  }
}

/** CPU seconds of all processes for a million events, none of which is delivered to more than one subscriber of each gateway. */
export function cpuSecondsPerMillion(costs: Costs, readers: number): number {
  const { publishMicros, readMicros, foldMicros, storeMicros, fetchMicros } = costs
  return publishMicros + foldMicros + storeMicros + readers * (readMicros + fetchMicros)
}
