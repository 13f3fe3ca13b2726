/** A publish frame on its way. */
export interface SentFrame {
  readonly seq: number
  readonly item: string
}

/** Items that begin with it are rejected for good, whenever they come. */
export const DOOMED = 'x'

export type Answer =
  | { readonly kind: 'ack'; readonly seq: number }
  | { readonly kind: 'again'; readonly seq: number }
  | { readonly kind: 'final'; readonly seq: number }

/** What becomes of a frame the gateway admits. `lost_answer`: stored, but Redis did not answer in time. */
export type Luck = 'store' | 'unavailable' | 'lost_answer'

/**
 * What a gateway and the log behind it do with one producer's frames, and nothing more forgiving: after a frame failed,
 * later ones are refused until it came again, and the log takes any seq above the last one.
 */
export class ModelServer {
  /** The log, over all connections. */
  readonly log: SentFrame[] = []
  /** Frames received and answers not received yet, on this connection. */
  readonly toServer: SentFrame[] = []
  readonly toClient: Answer[] = []
  #failed = new Set<number>()

  /** The next frame arrives. */
  arrive(luck: Luck): void {
    const frame = this.toServer.shift()
    if (frame !== undefined) this.toClient.push({ kind: this.#judge(frame, luck), seq: frame.seq })
  }

  /** The connection breaks: so many frames still arrive, no answer does. */
  disconnect(stillArriving: number, luck: Luck): void {
    for (let i = 0; i < stillArriving; i++) this.arrive(luck)
    this.toServer.length = 0
    this.toClient.length = 0
    this.#failed = new Set()
  }

  #judge(frame: SentFrame, luck: Luck): Answer['kind'] {
    const { seq, item } = frame
    if ([...this.#failed].some((failed) => failed < seq)) return 'again'
    this.#failed.delete(seq)
    if (luck === 'unavailable') return this.#fail(seq)
    if (item.startsWith(DOOMED)) return 'final'
    if (seq > (this.log.at(-1)?.seq ?? 0)) this.log.push(frame)
    return luck === 'lost_answer' ? this.#fail(seq) : 'ack'
  }

  #fail(seq: number): 'again' {
    this.#failed.add(seq)
    return 'again'
  }
}
