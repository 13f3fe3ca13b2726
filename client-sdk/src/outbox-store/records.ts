import type { TraceContext } from '@tidegate/protocol'

/** What a store writes, one after the other. Times are those of the clock on the wall, ms. */
export type OutboxRecord =
  | {
      readonly kind: 'outbox'
      readonly producer: string
      readonly sequence?: string | undefined
      readonly session: number
      /** The next frame has this seq or a larger one. */
      readonly next: number
    }
  | {
      readonly kind: 'frame'
      readonly seq: number
      readonly at: number
      /** Written where records are rewritten: usually what precedes the record says so. */
      readonly sentAt?: number | undefined
      readonly topic: string
      readonly events: number
      readonly bytes: number
      /** Of its events. */
      readonly json: string
      readonly trace?: TraceContext | undefined
      /** Of those that have none. Without it, what the clock of the server says of `at` when that is known. */
      readonly time?: number | undefined
    }
  | {
      readonly kind: 'greeted'
      readonly at: number
      readonly producer: string
      readonly sequence?: string | undefined
      readonly session: number
      readonly aheadMs: number
    }
  | { readonly kind: 'offline' }
  | { readonly kind: 'done'; readonly seq: number }

export type FrameRecord = Extract<OutboxRecord, { kind: 'frame' }>

/** What the records so far amount to. */
export interface OutboxState {
  producer: string | undefined
  sequence: string | undefined
  session: number
  next: number
  isOnline: boolean
  /** Frames without a final answer, by seq, in order. */
  readonly frames: Map<number, FrameRecord>
}

/**
 * Frames that were sent may be missing at the end of what was read, if the machine lost power. Their seqs are not used
 * again: far more than can be written between two syncs are left out.
 */
const SKIPPED_SEQS = 1_000_000

export function emptyState(): OutboxState {
  return { producer: undefined, sequence: undefined, session: 0, next: 1, isOnline: false, frames: new Map() }
}

export function apply(state: OutboxState, record: OutboxRecord): void {
  switch (record.kind) {
    case 'outbox':
      state.producer = record.producer
      state.sequence = record.sequence
      state.session = record.session
      state.next = record.next
      return
    case 'frame': {
      // Online, it may be sent as soon as it is written.
      const sentAt = record.sentAt ?? (state.isOnline ? record.at : undefined)
      state.frames.set(record.seq, { ...record, sentAt })
      state.next = Math.max(state.next, record.seq + 1)
      return
    }
    case 'greeted':
      state.producer = record.producer
      state.sequence = record.sequence
      state.session = record.session
      state.isOnline = true
      for (const frame of state.frames.values()) {
        if (frame.sentAt !== undefined) continue
        const time = frame.time ?? Math.floor(frame.at + record.aheadMs)
        state.frames.set(frame.seq, { ...frame, time, sentAt: record.at })
      }
      return
    case 'offline':
      state.isOnline = false
      return
    case 'done':
      state.frames.delete(record.seq)
      return
    default:
      record satisfies never
  }
}

/**
 * The state in which the next run begins. Without frames nothing has to be recognised, and it begins with a sequence of its
 * own: one that another client has fenced is left behind.
 */
export function nextRun(state: OutboxState): OutboxState {
  const kept = state.frames.size > 0
  return {
    ...state,
    isOnline: false,
    sequence: kept ? state.sequence : undefined,
    next: kept ? state.next + SKIPPED_SEQS : 1,
  }
}

/** The shortest records that amount to a state. */
export function recordsOf({ producer, sequence, session, next, isOnline, frames }: OutboxState): OutboxRecord[] {
  // A frame that is written with its `sentAt` is not changed by a greeting, which says only that this run is online.
  const greeting: OutboxRecord[] = isOnline
    ? [{ kind: 'greeted', at: 0, producer: producer!, sequence, session, aheadMs: 0 }]
    : []
  return [{ kind: 'outbox', producer: producer!, sequence, session, next }, ...frames.values(), ...greeting]
}
