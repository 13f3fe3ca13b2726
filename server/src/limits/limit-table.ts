/** Who has a limit. */
export const SCOPES = ['connection', 'address', 'caller', 'gateway'] as const
export type Scope = (typeof SCOPES)[number]

const MIB = 1_048_576

/** How a quantity is measured. */
export type Measure =
  /** What is open or kept now. */
  | { readonly by: 'held'; readonly retryAfterMs: number }
  /** A token bucket. */
  | { readonly by: 'rate'; readonly seconds: number; readonly burstSeconds: number }
  /** Different ones in an hour. */
  | { readonly by: 'distinct' }
  /** Looked at from time to time. */
  | { readonly by: 'gauge' }

const held = (retryAfterMs: number) => ({ by: 'held', retryAfterMs }) as const
const perSecond = (burstSeconds: number) => ({ by: 'rate', seconds: 1, burstSeconds }) as const
const perHour = { by: 'rate', seconds: 3_600, burstSeconds: 3_600 } as const

/** What is limited, and what happens above the limit. `docs/limits.md` is generated from it. */
export const QUANTITIES = {
  connections: {
    ...held(5_000),
    counts: 'open sockets and event streams',
    beyond: 'The handshake is refused with 429; a stream ends with `retry:`.',
  },
  connects: {
    ...perSecond(10),
    counts: 'new connections per second, before anything is read of them; a burst of ten seconds',
    beyond: 'The connection is cut. Behind a trusted proxy the handshake or stream is refused as above.',
  },
  frames: {
    ...perSecond(2),
    counts: 'frames and HTTP requests per second; a burst of two seconds',
    beyond:
      'The frame is refused; `credit`, `pong` and `unsubscribe` count and are read. A request is answered with 429.',
  },
  bytes: {
    ...perSecond(2),
    counts:
      'bytes of frames and HTTP bodies per second, each part of a body that arrives as 512 at least; a burst of two seconds',
    beyond:
      'As for frames. A body counts as it arrives, and the rest of it is not read: 429, and the connection is closed.',
  },
  refusals: {
    ...perSecond(10),
    counts: 'frames and requests refused for a rate, per second; a burst of ten seconds',
    beyond: 'The connection is closed: a socket with 4029, a request with its 429.',
  },
  starts: {
    ...perSecond(4),
    counts:
      'places at which subscriptions begin or change, per second: each partition of each topic, each 16 keys, each condition; a burst of four seconds',
    beyond: 'The subscription is refused.',
  },
  reads: {
    ...perSecond(2),
    counts:
      'bytes that replays, snapshots and queries read from logs and states, per second, each read as 16 KiB at least; a burst of two seconds',
    beyond: 'Replays and snapshots wait. The query is refused, the request answered with 429.',
  },
  work: {
    ...perSecond(0.04),
    counts:
      'ms of the event loop per second, while somebody else is active too and the loop is busy; a burst of 40 ms. A caller pays for itself, and the address for those without a name',
    beyond:
      'Frames, requests, replays and snapshots wait. A connection of which too much waits is closed with 4029; requests beyond 100, handshakes and bodies are answered with 429.',
  },
  events: {
    ...perSecond(2),
    counts: 'published events, and commands, per second; a burst of two seconds',
    beyond: 'The frame is rejected, the request answered with 429.',
  },
  producers: {
    ...perHour,
    counts: 'producers and `Idempotency-Key`s per hour: each `hello` with a producer, and each request with a key',
    beyond: 'The connection is closed with 4029, the request answered with 429.',
  },
  keys: {
    by: 'distinct',
    counts: 'different partition keys of published events per hour, within 2 %',
    beyond: 'Publishes are rejected until the hour is over, those with known keys too.',
  },
  subscriptions: {
    ...held(5_000),
    counts: 'open subscriptions, those of event streams too',
    beyond: 'The subscription is refused.',
  },
  subscriptionBytes: {
    ...held(5_000),
    counts: 'memory of what subscriptions ask for: keys, filters, and a place in each partition of each topic',
    beyond: 'The subscription is refused.',
  },
  filterTerms: {
    ...held(5_000),
    counts: 'conditions in filters of open subscriptions: each may be evaluated for every event',
    beyond: 'The subscription is refused.',
  },
  tickets: {
    ...perSecond(10),
    counts: 'tickets per second, each of which Redis keeps for 30 s; a burst of ten seconds',
    beyond: 'The request is answered with 429.',
  },
  queries: {
    ...held(100),
    counts: 'unanswered queries',
    beyond: 'The query is refused, the request answered with 429.',
  },
  bodyBytes: {
    ...held(1_000),
    counts: 'bytes of HTTP bodies that are arriving or being handled, and of queries without an answer',
    beyond: 'The request is answered with 503, the query refused.',
  },
  commandBytes: {
    ...held(250),
    counts:
      'memory of commands without an outcome, of their input until it is stored, and of outcomes that wait for replicas',
    beyond: 'The command is answered with `overloaded`, the request with 503.',
  },
  unreadBytes: {
    by: 'gauge',
    counts: 'bytes written to sockets and streams that wait in the gateway, since clients do not read them',
    beyond:
      'Sockets are closed with 4008, streams end: those of the caller or address with the most of it first, of these the largest.',
  },
  memory: {
    by: 'gauge',
    counts: 'memory of the process (RSS)',
    beyond: 'New connections are refused as `overloaded`.',
  },
} as const satisfies Readonly<Record<string, Measure & { readonly counts: string; readonly beyond: string }>>

export type Quantity = keyof typeof QUANTITIES
type Of<By extends Measure['by']> = {
  [Q in Quantity]: (typeof QUANTITIES)[Q]['by'] extends By ? Q : never
}[Quantity]
export type HeldQuantity = Of<'held'>
export type RateQuantity = Of<'rate'>

export const HELD_QUANTITIES = (Object.keys(QUANTITIES) as Quantity[]).filter(
  (quantity): quantity is HeldQuantity => QUANTITIES[quantity].by === 'held',
)

/**
 * Generous for an office behind one address and for a fleet behind one token; far below what a gateway takes from all.
 * Absent: no limit. Those of a connection hold for everybody; those of an address not for loopback.
 */
export const DEFAULT_LIMITS: Readonly<Record<Scope, Readonly<Partial<Record<Quantity, number>>>>> = {
  connection: {
    refusals: 50,
    // 64 subscriptions of 30 topics in 8 partitions at once.
    starts: 4_000,
    // About 50,000 short keys.
    subscriptionBytes: 16 * MIB,
    filterTerms: 512,
    queries: 32,
  },
  address: {
    connections: 2_000,
    connects: 100,
    frames: 5_000,
    bytes: 16 * MIB,
    refusals: 250,
    starts: 8_000,
    reads: 16 * MIB,
    // A quarter of a core: the others find three quarters of it free.
    work: 250,
    events: 50_000,
    producers: 36_000,
    keys: 2_000_000,
    subscriptions: 20_000,
    subscriptionBytes: 64 * MIB,
    filterTerms: 4_096,
    // As many as new connections.
    tickets: 100,
    queries: 64,
  },
  caller: {
    connections: 1_000,
    frames: 5_000,
    bytes: 16 * MIB,
    starts: 8_000,
    reads: 16 * MIB,
    work: 250,
    events: 50_000,
    producers: 36_000,
    keys: 1_000_000,
    subscriptions: 10_000,
    subscriptionBytes: 64 * MIB,
    filterTerms: 2_048,
    tickets: 100,
    queries: 64,
  },
  gateway: {
    // A hundred thousand subscriptions of one topic in 8 partitions take 300 MiB.
    subscriptionBytes: 512 * MIB,
    filterTerms: 32_768,
    bodyBytes: 64 * MIB,
    // All that may be pending, if their keys are as long as they can be.
    commandBytes: 64 * MIB,
    unreadBytes: 256 * MIB,
    memory: 2_048 * MIB,
  },
}

/** `address.frames` */
export type LimitName = `${Scope}.${Quantity}`
