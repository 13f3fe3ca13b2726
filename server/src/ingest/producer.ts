/**
 * One session of an idempotent producer, as its gateway sees it: which seq it sent last to each partition, so that every
 * slice can name its predecessor there.
 */
export class Producer {
  readonly id: string
  readonly session: number
  readonly #lastSeq = new Map<number, number>()
  readonly #failed = new Set<number>()

  constructor(id: string, session: number) {
    this.id = id
    this.session = session
  }

  /**
   * Whether the frame may be appended now. After a frame failed, later ones must wait until it has been sent again: a
   * resend names no predecessor, so accepting a later seq first would make the failed one look like a duplicate.
   */
  admits(seq: number): boolean {
    for (const failed of this.#failed) if (failed < seq) return false
    this.#failed.delete(seq)
    return true
  }

  /** The predecessor of `seq` on a partition: `*` on the session's first slice there and on a resend. */
  previousOn(partition: number, seq: number): number | '*' {
    const last = this.#lastSeq.get(partition)
    this.#lastSeq.set(partition, seq)
    return last === undefined || seq <= last ? '*' : last
  }

  /** The frame did not get through as a whole and the client was told to send it again. */
  failed(seq: number): void {
    this.#failed.add(seq)
  }

  /** The frame was refused for good and will not come again: nothing may name it as a predecessor. */
  abandoned(seq: number): void {
    for (const [partition, last] of this.#lastSeq) if (last === seq) this.#lastSeq.delete(partition)
  }
}
