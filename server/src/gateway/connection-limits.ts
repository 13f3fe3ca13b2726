import type { ClientFrame } from '@tidegate/protocol'
import type { ClientLimits, Refusal } from '../limits/index.ts'

/** A refused frame of this many bytes counts as two: to refuse it, it is parsed. */
const BYTES_PER_REFUSAL = 65_536

/** What a frame costs before it is read, ms: its way from the kernel, and the text that is made of it. */
const FRAME_WORK_MS = 0.005
const BYTE_WORK_MS = 1e-6
/** Frames that come together are paid for together: to pay for one costs as much as to receive it. */
const PAID_TOGETHER_MS = 0.5

/** Frames that free something, or cost less than their refusal. */
const ALWAYS_READ: ReadonlySet<ClientFrame['type']> = new Set<ClientFrame['type']>(['credit', 'pong', 'unsubscribe'])

interface OverLimit {
  readonly kind: 'refuse' | 'close'
  readonly refusal: Refusal
}

export type FrameVerdict = { readonly kind: 'read' } | OverLimit

/** A frame as it came. */
export interface ReceivedFrame {
  readonly content: Buffer
  readonly bytes: number
  /**
   * Whether its rates let it pass. Absent until its turn: thousands may come at once, and to judge each of them takes longer than to
   * keep it.
   */
  readonly verdict?: FrameVerdict
}

/** The same frame for later: its bytes are the transport's, and gone then. */
export function keptFrame(frame: ReceivedFrame): ReceivedFrame {
  return { ...frame, content: Buffer.from(frame.content) }
}

/** How the frames of one connection are admitted: within the limits, refused, or the end of the connection. */
export class ConnectionLimits {
  readonly #limits: ClientLimits

  #unpaidMs = 0

  constructor(limits: ClientLimits) {
    this.#limits = limits
  }

  /** A frame has come, and waits for its turn. */
  arrived(bytes: number): void {
    this.#unpaidMs += FRAME_WORK_MS + bytes * BYTE_WORK_MS
    if (this.#unpaidMs >= PAID_TOGETHER_MS) this.#limits.worked(this.#takeUnpaid())
  }

  #takeUnpaid(): number {
    const ms = this.#unpaidMs
    this.#unpaidMs = 0
    return ms
  }

  /** Judges a frame before it is parsed. */
  frame(bytes: number): FrameVerdict {
    const refusal = this.#limits.frame(bytes, this.#takeUnpaid())
    return refusal === undefined ? READ : this.#over(refusal, bytes)
  }

  /** Judges a frame of a kind that costs more than others, before it is handled. */
  costly(type: 'subscribe' | 'query', bytes: number): OverLimit | undefined {
    const refusal = this.#limits.overdrawn(type === 'subscribe' ? 'starts' : 'reads')
    return refusal && this.#over(refusal, bytes)
  }

  isAlwaysRead({ type }: ClientFrame): boolean {
    return ALWAYS_READ.has(type)
  }

  #over(refusal: Refusal, bytes: number): OverLimit {
    return { kind: this.#limits.mayBeRefused(1 + bytes / BYTES_PER_REFUSAL) ? 'refuse' : 'close', refusal }
  }
}

const READ = { kind: 'read' } as const
