import type { RejectedEvent } from '@tidegate/protocol'
import type { SliceIdentity } from '../bus/index.ts'
import { isStored, type SliceOutcome } from './partition-log.ts'
import type { Producer } from './producer.ts'
import type { PublishOutcome } from './publish-outcome.ts'
import { decodeRefusals, encodeRefusals } from './refusals.ts'
import { epochChanged, rejectionOf } from './slice-rejection.ts'

export interface FrameIdentity {
  readonly state: Producer
  readonly seq: number
  /** Since the first attempt; absent on the first. */
  readonly ageMs?: number | undefined
}

const NONE: readonly RejectedEvent[] = []

/** A frame whose slices are on their way. It keeps nothing of the events. */
export class PendingFrame {
  readonly #slices: number
  /** Refused events without a partition, then those of the answered slices. */
  readonly #rejected: RejectedEvent[]
  readonly #producer: FrameIdentity | undefined
  readonly #answer: (outcome: PublishOutcome) => void
  readonly #outcomes: SliceOutcome[] = []

  constructor(
    slices: number,
    rejected: RejectedEvent[],
    producer: FrameIdentity | undefined,
    answer: (outcome: PublishOutcome) => void,
  ) {
    this.#slices = slices
    this.#rejected = rejected
    this.#producer = producer
    this.#answer = answer
  }

  /** Identity of the frame's slice in a partition. MUST be called in the order in which slices are sent. */
  identify(partition: number, checksum: string, refused: readonly RejectedEvent[]): SliceIdentity | undefined {
    if (this.#producer === undefined) return undefined
    const { state, seq, ageMs } = this.#producer
    return {
      producer: state.id,
      sequence: state.sequence,
      session: state.session,
      seq,
      previous: state.previousOn(partition, seq),
      epoch: state.epochOn(partition),
      checksum,
      ageMs,
      refused: encodeRefusals(refused),
    }
  }

  /** @param refused events of the slice that are refused now; for a duplicate, those refused at first count instead. */
  resolve(outcome: SliceOutcome, refused: readonly RejectedEvent[] = NONE): void {
    this.#outcomes.push(outcome)
    if (isStored(outcome)) {
      const { refusedAtFirst } = outcome
      this.#rejected.push(...(refusedAtFirst === undefined ? refused : decodeRefusals(refusedAtFirst, refused)))
    }
    if (this.#outcomes.length < this.#slices) return
    if (this.#rejected.length > 1) this.#rejected.sort((a, b) => a.index - b.index)
    const result = combine(this.#outcomes, this.#rejected)
    this.#answer(this.#producer === undefined ? result : this.#note(result, this.#producer))
  }

  #note(result: PublishOutcome, { state, seq }: FrameIdentity): PublishOutcome {
    if (result.kind === 'ack') {
      const ended: number[] = []
      for (const outcome of this.#outcomes) {
        if (isStored(outcome) && !state.stored(outcome)) ended.push(outcome.partition)
      }
      if (ended.length === 0) {
        state.answered(seq, true)
        return result
      }
      // One slice was stored before the epoch changed, another one afterwards.
      state.failed(seq)
      return epochChanged(ended.map((partition) => ({ partition, epoch: state.epochOn(partition)! })))
    }
    if (result.retryAfterMs === undefined) state.answered(seq, false)
    else state.failed(seq)
    for (const at of result.epochs ?? []) state.epochChanged(at)
    return result
  }
}

/** One answer for a frame from the outcomes of its slices. */
function combine(outcomes: readonly SliceOutcome[], rejected: readonly RejectedEvent[]): PublishOutcome {
  if (!outcomes.every(isStored)) return rejectionOf(outcomes)
  const at: string[] = []
  for (const { position } of outcomes) if (position !== undefined) at.push(position)
  return { kind: 'ack', at, rejected, duplicate: outcomes.every(({ verdict }) => verdict === 'duplicate') }
}
