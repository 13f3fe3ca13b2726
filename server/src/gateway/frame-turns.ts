import type { Clock } from '../clock.ts'
import { LoopTurn } from '../loop-turn.ts'

/** What may wait of one connection: all that its socket is read for at once. */
const MAX_WAITING_BYTES = 1_048_576
/** And of all together. */
const MAX_ALL_WAITING_BYTES = 16 * 1_048_576

/** Frames of one connection that may be held: a client that waits for answers as it was granted has fewer. */
const MAX_HELD_FRAMES = 256

/** Frames that were read are dropped so many at a time. */
const DROP_READ = 256
/** How often those are looked at that are held: often enough to read them as they have waited. */
const HELD_LOOK_MS = 20

/** Reads frames. Its methods MUST NOT throw. */
export interface FrameReader<Frame> {
  read(frame: Frame): void
  /** How long until another of its frames is to be read, ms; 0: now. */
  waitMs(): number
  /** More of it is held than may be, and was dropped: it MUST end. */
  overflow(): void
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
 * nobody waits for the flood of another. Frames of a connection that has to wait are held until then.
 */
export class FrameTurns<Frame extends { readonly bytes: number }> {
  readonly #clock: Pick<Clock, 'monotonic'>
  readonly #kept: (frame: Frame) => Frame
  readonly #loopTurn: LoopTurn
  readonly #waiting = new Map<FrameReader<Frame>, Waiting<Frame>>()
  /** Those with waiting frames, in the order of the round, without those that have to wait. */
  readonly #round = new Set<FrameReader<Frame>>()
  /** Those that had a frame in this turn. */
  readonly #seen = new Set<FrameReader<Frame>>()
  #turn: NodeJS.Immediate | undefined
  /** Runs while somebody has to wait. */
  #look: NodeJS.Timeout | undefined
  #until = 0
  #waitingBytes = 0

  /** @param kept makes a frame that outlasts the call in which it came */
  constructor(clock: Pick<Clock, 'monotonic'>, kept: (frame: Frame) => Frame, loopTurn = new LoopTurn(clock)) {
    this.#clock = clock
    this.#loopTurn = loopTurn
    this.#kept = kept
  }

  get waitingBytes(): number {
    return this.#waitingBytes
  }

  /** A frame has come. Frames of one connection are read in their order. */
  take(reader: FrameReader<Frame>, frame: Frame): void {
    this.#begin()
    const waiting = this.#waiting.get(reader)
    const isItsTurn = waiting === undefined && (!this.#seen.has(reader) || this.#clock.monotonic() < this.#until)
    if (isItsTurn && reader.waitMs() === 0) {
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
    this.#round.add(reader)
    this.#waitingBytes += bytes
  }

  /** The connection has ended. */
  forget(reader: FrameReader<Frame>): void {
    this.#waitingBytes -= this.#waiting.get(reader)?.bytes ?? 0
    this.#waiting.delete(reader)
    this.#round.delete(reader)
    this.#seen.delete(reader)
  }

  #keep(reader: FrameReader<Frame>, waiting: Waiting<Frame>, frame: Frame): void {
    if (!this.#waiting.has(reader)) {
      this.#waiting.set(reader, waiting)
      this.#round.add(reader)
    }
    waiting.frames.push(this.#kept(frame))
    waiting.bytes += frame.bytes
    this.#waitingBytes += frame.bytes
    // Also where its wait has ended since it was looked at: it is read at the next look.
    const isHeld = !this.#round.has(reader) || reader.waitMs() > 0
    const isFull = () => waiting.bytes > MAX_WAITING_BYTES || this.#waitingBytes > MAX_ALL_WAITING_BYTES
    if (isHeld && (isFull() || waiting.frames.length - waiting.next > MAX_HELD_FRAMES)) {
      this.forget(reader)
      reader.overflow()
    }
    // The socket has to wait then: reading a frame takes the time that keeps it from sending more.
    while (!isHeld && isFull() && this.#waiting.get(reader) === waiting) this.#readNext(reader, waiting)
  }

  #begin(): void {
    if (this.#turn !== undefined) return
    this.#until = this.#loopTurn.until()
    this.#turn = setImmediate(() => this.#go())
  }

  #go(): void {
    this.#turn = undefined
    this.#seen.clear()
    if (this.#round.size === 0) return
    this.#begin()
    do {
      const [reader] = this.#round
      if (reader === undefined) return
      if (reader.waitMs() === 0) this.#readNext(reader, this.#waiting.get(reader)!)
      else this.#hold(reader)
    } while (this.#clock.monotonic() < this.#until)
  }

  #hold(reader: FrameReader<Frame>): void {
    this.#round.delete(reader)
    this.#look ??= setTimeout(() => {
      this.#look = undefined
      for (const reader of this.#waiting.keys()) this.#round.add(reader)
      this.#begin()
    }, HELD_LOOK_MS)
    this.#look.unref()
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
    this.#round.delete(reader)
    if (waiting.next < waiting.frames.length) this.#round.add(reader)
    else this.#waiting.delete(reader)
    reader.read(frame)
  }
}
