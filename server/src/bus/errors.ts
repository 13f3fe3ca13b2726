import { AnswerTooSlow } from './deadline.ts'

/** Redis could not be reached, or did not answer in time. */
export class BusUnavailable extends Error {
  override readonly name = 'BusUnavailable'
  /** `not_sent`: the command certainly had no effect. `unknown`: it may have run. */
  readonly outcome: 'not_sent' | 'unknown'
  readonly retryAfterMs: number

  /** @param why in plain words; absent: as the cause says it */
  constructor(outcome: 'not_sent' | 'unknown', retryAfterMs: number, cause: unknown, why = messageOf(cause)) {
    super(`Redis is not available (outcome ${outcome}): ${why}`, { cause })
    this.outcome = outcome
    this.retryAfterMs = retryAfterMs
  }

  /** Redis was still answering: asking for less helps. */
  get wasAnswering(): boolean {
    return this.cause instanceof AnswerTooSlow
  }
}

const messageOf = (cause: unknown) => (cause instanceof Error ? cause.message : String(cause))

/** No connection to Redis at a start. The message says why and what to do, and contains no part of the address. */
export class BusUnreachable extends Error {
  override readonly name = 'BusUnreachable'
}

/** A command was not sent, because there is no connection. The message says why there is none. */
export class NotConnected extends Error {
  override readonly name = 'NotConnected'

  constructor(why: string, cause: unknown) {
    super(why, { cause })
  }
}

/** It is not known where the master is, or what is there is none. */
export class NoMaster extends Error {
  override readonly name = 'NoMaster'
  /** Waiting does not help. */
  readonly isFinal: boolean

  constructor(why: string, isFinal: boolean) {
    super(why)
    this.isFinal = isFinal
  }
}

/** Redis came back empty, and nobody has written to the partition since. */
export function missingPartition(partition: number): BusUnavailable {
  return new BusUnavailable('not_sent', MISSING_RETRY_MS, `partition ${partition} does not exist yet`)
}

/** Gateways write a canary to every partition twice a second, which creates it. */
const MISSING_RETRY_MS = 500

/** In place of what Redis says, which names a script and no remedy. */
export const MEMORY_FULL =
  'Redis stores nothing, as its memory is full: raise maxmemory, or shorten the retention of topics'

/** Redis refuses writes because it has reached `maxmemory`. */
export class BusFull extends Error {
  override readonly name = 'BusFull'
}

/** The data in Redis does not fit this deployment: other partition count, other contract, foreign key types. */
export class BusMismatch extends Error {
  override readonly name = 'BusMismatch'
}

/** Redis stored the append, but too few replicas confirmed it in time. */
export class ReplicasMissing extends Error {
  override readonly name = 'ReplicasMissing'
}

/** A stored record batch that no version of this program wrote, or not like that: it cannot be read, now or later. */
export class CorruptBatch extends Error {
  override readonly name = 'CorruptBatch'
}
