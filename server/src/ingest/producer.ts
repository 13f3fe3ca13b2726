import { formatLogEpoch, type LogEpoch } from '@tidegate/protocol'

/** Far more than a client may have unacknowledged. */
const MAX_FAILED = 1_024

/**
 * One session of an idempotent producer, as its gateway sees it. It knows which seq is on its way to each partition, so
 * that every slice can name its predecessor there, and the epoch of the log in its last acknowledgement, so that
 * nothing is stored behind lost events.
 */
export class Producer {
  readonly id: string
  readonly session: number
  /** The producer's sequence in which the session counts; absent for the unnamed one. */
  readonly sequence: string | undefined
  /** Partition -> seqs sent there without a final answer, ascending. */
  readonly #unanswered = new Map<number, number[]>()
  readonly #failed = new Set<number>()
  readonly #epochs = new Map<number, string>()
  /** `partition@epoch` that the client knows to have ended. */
  readonly #over = new Set<string>()

  /** @param epochs of the client's last acknowledgements in an earlier session. */
  constructor(id: string, session: number, epochs: readonly LogEpoch[] = [], sequence?: string) {
    this.id = id
    this.session = session
    this.sequence = sequence
    for (const { partition, epoch } of epochs) this.#epochs.set(partition, epoch)
  }

  epochOn(partition: number): string | undefined {
    return this.#epochs.get(partition)
  }

  /** A slice was stored. False when its epoch has ended since: the slice may be lost. */
  stored({ partition, epoch }: LogEpoch): boolean {
    if (this.#over.size > 0 && this.#over.has(formatLogEpoch({ partition, epoch }))) return false
    this.#epochs.set(partition, epoch)
    return true
  }

  /** The client learns of a new epoch of the log, and will resend possibly lost frames before anything else. */
  epochChanged({ partition, epoch }: LogEpoch): void {
    const before = this.#epochs.get(partition)
    if (before !== undefined && before !== epoch) this.#over.add(formatLogEpoch({ partition, epoch: before }))
    this.#epochs.set(partition, epoch)
  }

  /**
   * Whether the frame may be appended now. After a frame failed, later ones must wait until it has been sent again: a
   * resend names no predecessor, so accepting a later seq first would make the failed one look like a duplicate.
   */
  admits(seq: number): boolean {
    if (this.#failed.size === 0) return true
    for (const failed of this.#failed) if (failed < seq) return false
    this.#failed.delete(seq)
    return true
  }

  /**
   * The predecessor of `seq` on a partition: the last unanswered one before it, `*` where there is none. Every attempt names
   * it: a copy that overtook what was sent before it, and failed, would make that look like a duplicate.
   */
  previousOn(partition: number, seq: number): number | '*' {
    const unanswered = this.#unanswered.get(partition)
    if (unanswered === undefined) {
      this.#unanswered.set(partition, [seq])
      return '*'
    }
    let place = unanswered.length
    while (place > 0 && unanswered[place - 1]! >= seq) place--
    const before = unanswered[place - 1] ?? '*'
    if (unanswered[place] !== seq) unanswered.splice(place, 0, seq)
    // The highest ones wait for all others in any case.
    if (unanswered.length > MAX_FAILED) unanswered.pop()
    return before
  }

  /** Number of remembered frames that must be resent. */
  get waiting(): number {
    return this.#failed.size
  }

  /** Not all of the frame was stored, and the client was asked to send it again. */
  failed(seq: number): void {
    this.#failed.add(seq)
    // The highest ones wait for all others in any case.
    if (this.#failed.size > MAX_FAILED) this.#failed.delete(Math.max(...this.#failed))
  }

  /**
   * The frame has its final answer. It is no predecessor any more: a stored frame can no longer be overtaken, and may
   * be forgotten long before the next one comes. Where it was stored, so was all that it was sent behind.
   */
  answered(seq: number, isStored: boolean): void {
    // Its first copy may have failed.
    this.#failed.delete(seq)
    for (const [partition, unanswered] of this.#unanswered) {
      const place = unanswered.indexOf(seq)
      if (place === -1) continue
      if (isStored) unanswered.splice(0, place + 1)
      else unanswered.splice(place, 1)
      if (unanswered.length === 0) this.#unanswered.delete(partition)
    }
  }
}
