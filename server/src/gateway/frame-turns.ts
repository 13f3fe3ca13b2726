import type { Clock } from '../clock.ts'

/** How long frames are handled before other work gets a turn. */
const TURN_MS = 2
/** What may wait of one connection: all that its socket is read for at once. */
const MAX_WAITING_BYTES = 1_048_576
/** And of all together. */
const MAX_ALL_WAITING_BYTES = 16 * 1_048_576

/** Frames that were read are dropped so many at a time. */
const DROP_READ = 256

/** Reads frames. */
export interface FrameReader<Frame> {
  /** MUST NOT throw. */
  read(frame: Frame): void
}

interface Waiting<Frame> {
  frames: Frame[]
  /** Of the first one that was not read. */
  next: number
  bytes: number
}

/**
 * Shares the time of the process among connections. The first frame of a connection in a turn of the event loop is read
 * at once, and so are others while the turn is short; the rest waits, and is read in rounds over all connections. So
 * nobody waits for the flood of another.
 */
export class FrameTurns<Frame extends { readonly bytes: number }> {
  readonly #clock: Pick<Clock, 'monotonic'>
  /** In the order of the round. */
  readonly #waiting = new Map<FrameReader<Frame>, Waiting<Frame>>()
  /** Those that had a frame in this turn. */
  readonly #seen = new Set<FrameReader<Frame>>()
  #turn: NodeJS.Immediate | undefined
  #until = 0
  #waitingBytes = 0

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock
  }

  get waitingBytes(): number {
    return this.#waitingBytes
  }

  /** A frame has come. Frames of one connection are read in their order. */
  take(reader: FrameReader<Frame>, frame: Frame): void {
    this.#begin()
    const waiting = this.#waiting.get(reader)
    if (waiting === undefined && (!this.#seen.has(reader) || this.#clock.monotonic() < this.#until)) {
      this.#seen.add(reader)
      reader.read(frame)
    } else this.#keep(reader, waiting ?? { frames: [], next: 0, bytes: 0 }, frame)
  }

  /** Frames that were read, and could not be handled yet: they come before those that wait. */
  putBack(reader: FrameReader<Frame>, frames: readonly Frame[]): void {
    if (frames.length === 0) return
    const { frames: later, next } = this.#waiting.get(reader) ?? { frames: [], next: 0 }
    this.forget(reader)
    this.#begin()
    const all = [...frames, ...later.slice(next)]
    const bytes = all.reduce((sum, frame) => sum + frame.bytes, 0)
    this.#waiting.set(reader, { frames: all, next: 0, bytes })
    this.#waitingBytes += bytes
  }

  /** The connection has ended. */
  forget(reader: FrameReader<Frame>): void {
    this.#waitingBytes -= this.#waiting.get(reader)?.bytes ?? 0
    this.#waiting.delete(reader)
    this.#seen.delete(reader)
  }

  #keep(reader: FrameReader<Frame>, waiting: Waiting<Frame>, frame: Frame): void {
    this.#waiting.set(reader, waiting)
    waiting.frames.push(frame)
    waiting.bytes += frame.bytes
    this.#waitingBytes += frame.bytes
    // The socket has to wait then: reading a frame takes the time that keeps it from sending more.
    while (
      (waiting.bytes > MAX_WAITING_BYTES || this.#waitingBytes > MAX_ALL_WAITING_BYTES) &&
      this.#waiting.get(reader) === waiting
    ) {
      this.#readNext(reader, waiting)
    }
  }

  #begin(): void {
    if (this.#turn !== undefined) return
    this.#until = this.#clock.monotonic() + TURN_MS
    this.#turn = setImmediate(() => this.#round())
  }

  #round(): void {
    this.#turn = undefined
    this.#seen.clear()
    if (this.#waiting.size === 0) return
    this.#begin()
    do {
      const [first] = this.#waiting
      if (first === undefined) return
      this.#readNext(...first)
    } while (this.#clock.monotonic() < this.#until)
  }

  /** Reads one frame, and then it is the turn of another connection. */
  #readNext(reader: FrameReader<Frame>, waiting: Waiting<Frame>): void {
    const frame = waiting.frames[waiting.next++]!
    if (waiting.next === DROP_READ) {
      waiting.frames.splice(0, DROP_READ)
      waiting.next = 0
    }
    waiting.bytes -= frame.bytes
    this.#waitingBytes -= frame.bytes
    this.#waiting.delete(reader)
    if (waiting.next < waiting.frames.length) this.#waiting.set(reader, waiting)
    reader.read(frame)
  }
}
