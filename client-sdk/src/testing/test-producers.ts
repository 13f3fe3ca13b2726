import type { RejectedEvent } from '@tidegate/protocol'

/** A frame that was stored, and how it was acknowledged. */
export interface StoredFrame {
  readonly content: string
  readonly at: readonly string[]
  readonly rejected: readonly RejectedEvent[]
}

interface Producer {
  sequence: string
  session: number
  readonly frames: Map<number, StoredFrame>
}

/** Who publishes on a connection. */
export interface Claim {
  readonly producer: string
  readonly session: number
  readonly sequence: string
}

export type Judgement =
  | { readonly kind: 'new' }
  | { readonly kind: 'duplicate'; readonly frame: StoredFrame }
  | { readonly kind: 'refused'; readonly code: 'fenced' | 'conflict' | 'outcome_unknown' }

/** Which frames are stored already, by producer. */
export class TestProducers {
  readonly #producers = new Map<string, Producer>()
  #sequences = 0

  newSequence(): string {
    return String(++this.#sequences)
  }

  /** Whether a frame is to be stored. It changes nothing. */
  judge(claim: Claim, seq: number, content: string): Judgement {
    const known = this.#of(claim)
    if (known === undefined) return { kind: 'refused', code: 'fenced' }
    const frame = known.frames.get(seq)
    if (frame !== undefined) {
      return frame.content === content ? { kind: 'duplicate', frame } : { kind: 'refused', code: 'conflict' }
    }
    return { kind: 'new' }
  }

  stored(claim: Claim, seq: number, frame: StoredFrame): void {
    const known = this.#of(claim)
    known?.frames.set(seq, frame)
  }

  /** Frames of which events are lost come again. */
  forget(isLost: (at: string) => boolean): void {
    for (const { frames } of this.#producers.values()) {
      for (const [seq, { at }] of frames) if (at.some(isLost)) frames.delete(seq)
    }
  }

  /** `undefined` where a newer session or sequence exists. */
  #of({ producer, session, sequence }: Claim): Producer | undefined {
    const known = this.#producers.get(producer)
    if (known !== undefined && known.sequence === sequence) {
      if (session < known.session) return undefined
      known.session = session
      return known
    }
    if (known !== undefined && Number(sequence) < Number(known.sequence)) return undefined
    const fresh: Producer = { sequence, session, frames: new Map() }
    this.#producers.set(producer, fresh)
    return fresh
  }
}
