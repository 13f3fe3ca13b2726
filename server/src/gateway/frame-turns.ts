import type { Clock } from '../clock.ts'
import { LoopTurn } from '../loop-turn.ts'
import { TurnRounds } from './turn-rounds.ts'

/** What may wait of one connection: all that its socket is read for at once. */
const MAX_WAITING_BYTES = 1_048_576
/** Of all connections of one purse: however many it opens, it leaves room for others. */
const MAX_PURSE_WAITING_BYTES = 4 * 1_048_576
/** And of all together. */
const MAX_ALL_WAITING_BYTES = 16 * 1_048_576

/** Frames of one connection that may be held: a client that waits for answers as it was granted has fewer. */
const MAX_HELD_FRAMES = 256

/** Frames that were read are dropped so many at a time. */
const DROP_READ = 256

/** Reads frames. Its methods MUST NOT throw. */
export interface FrameReader<Frame> {
  /** Connections of one purse take turns as one. It may change. */
  readonly purse: object
  read(frame: Frame): void
  /** How long until another of its frames is to be read, ms; 0: now. */
  waitMs(): number
  /** More of it is held than may be, and was dropped: it MUST end. */
  overflow(): void
}

interface Waiting<Frame> {
  /** Of the connection when the first of it came. */
  readonly purse: object
  frames: Frame[]
  /** Of the first one that was not read. */
  next: number
  bytes: number
}

/**
 * Shares the time of the process among callers, and addresses of those without one. The first frame of each in a turn of the event
 * loop is read at once, and so are others while the turn is short; the rest waits, and is read in rounds over all of them. So nobody
 * waits for the flood of another, on however many connections. Frames of a connection that has to wait are held until then.
 */
export class FrameTurns<Frame extends { readonly bytes: number }> {
  readonly #kept: (frame: Frame) => Frame
  readonly #rounds: TurnRounds<FrameReader<Frame>>
  readonly #waiting = new Map<FrameReader<Frame>, Waiting<Frame>>()
  /** Purses that had a frame in this turn. */
  readonly #seen = new Set<object>()
  /** By purse. */
  readonly #purseBytes = new Map<object, number>()
  #waitingBytes = 0

  /** @param kept makes a frame that outlasts the call in which it came */
  constructor(clock: Pick<Clock, 'monotonic'>, kept: (frame: Frame) => Frame, loopTurn = new LoopTurn(clock)) {
    this.#kept = kept
    this.#rounds = new TurnRounds({
      clock,
      loopTurn,
      purseOf: (reader) => reader.purse,
      waitMs: (reader) => reader.waitMs(),
      onTurn: () => this.#readWaiting(),
    })
  }

  get waitingBytes(): number {
    return this.#waitingBytes
  }

  /** A frame has come. Frames of one connection are read in their order. */
  take(reader: FrameReader<Frame>, frame: Frame): void {
    this.#rounds.begin()
    const waiting = this.#waiting.get(reader)
    const { purse } = reader
    const isItsTurn = !this.#seen.has(purse) || (this.#rounds.hasTime && !this.#rounds.isWaiting(purse))
    if (waiting === undefined && isItsTurn && reader.waitMs() === 0) {
      this.#seen.add(purse)
      reader.read(frame)
    } else this.#keep(reader, waiting ?? { purse, frames: [], next: 0, bytes: 0 }, frame)
  }

  /** Frames that were read, and could not be handled yet: they come before those that wait. */
  putBack(reader: FrameReader<Frame>, frames: readonly Frame[]): void {
    if (frames.length === 0) return
    const { frames: later, next } = this.#waiting.get(reader) ?? { frames: [], next: 0 }
    this.forget(reader)
    this.#rounds.begin()
    const all = [...frames, ...later.slice(next)]
    const bytes = all.reduce((sum, frame) => sum + frame.bytes, 0)
    this.#waiting.set(reader, { purse: reader.purse, frames: all, next: 0, bytes })
    this.#rounds.add(reader)
    this.#count(reader.purse, bytes)
  }

  /** The connection has ended. */
  forget(reader: FrameReader<Frame>): void {
    const waiting = this.#waiting.get(reader)
    if (waiting === undefined) return
    this.#count(waiting.purse, -waiting.bytes)
    this.#waiting.delete(reader)
    this.#rounds.delete(reader)
  }

  #keep(reader: FrameReader<Frame>, waiting: Waiting<Frame>, frame: Frame): void {
    if (!this.#waiting.has(reader)) {
      this.#waiting.set(reader, waiting)
      this.#rounds.add(reader)
    }
    waiting.frames.push(this.#kept(frame))
    waiting.bytes += frame.bytes
    this.#count(waiting.purse, frame.bytes)
    // Also where its wait has ended since it was looked at: it is read at the next look.
    const isHeld = this.#rounds.isHeld(reader) || reader.waitMs() > 0
    const isFull = () => this.#isFull(waiting)
    if (isHeld && (isFull() || waiting.frames.length - waiting.next > MAX_HELD_FRAMES)) {
      this.forget(reader)
      reader.overflow()
    }
    // The socket has to wait then: reading a frame takes the time that keeps it from sending more.
    while (!isHeld && isFull() && this.#waiting.get(reader) === waiting) this.#readNext(reader, waiting)
  }

  #isFull({ purse, bytes }: Waiting<Frame>): boolean {
    return (
      bytes > MAX_WAITING_BYTES ||
      this.#purseBytes.get(purse)! > MAX_PURSE_WAITING_BYTES ||
      this.#waitingBytes > MAX_ALL_WAITING_BYTES
    )
  }

  #count(purse: object, bytes: number): void {
    this.#waitingBytes += bytes
    const of = (this.#purseBytes.get(purse) ?? 0) + bytes
    if (of > 0) this.#purseBytes.set(purse, of)
    else this.#purseBytes.delete(purse)
  }

  #readWaiting(): void {
    this.#seen.clear()
    do {
      const reader = this.#rounds.take()
      if (reader === undefined) return
      this.#readNext(reader, this.#waiting.get(reader)!)
    } while (this.#rounds.hasTime)
  }

  /** Reads one frame, and then it is the turn of another. */
  #readNext(reader: FrameReader<Frame>, waiting: Waiting<Frame>): void {
    const frame = waiting.frames[waiting.next++]!
    if (waiting.next === DROP_READ) {
      waiting.frames.splice(0, DROP_READ)
      waiting.next = 0
    }
    waiting.bytes -= frame.bytes
    this.#count(waiting.purse, -frame.bytes)
    this.#rounds.delete(reader)
    if (waiting.next < waiting.frames.length) this.#rounds.add(reader)
    else this.#waiting.delete(reader)
    reader.read(frame)
  }
}
