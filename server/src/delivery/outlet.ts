import type { ServerFrame } from '@tidegate/protocol'
import { type Backlog, gapFrame, type Run } from './queue/index.ts'
import {
  BatchFrameBuilder,
  bytesInFlight,
  type DeliverySocket,
  type Flow,
  type FlowEvent,
  type FlowOptions,
  isNearlyIdle,
  isWaitingForCredit,
  type Moved,
  openFlow,
  type SnapshotFrame,
  stepFlow,
  type Take,
} from './wire/index.ts'

/** Largest batch frame. */
const MAX_FRAME_BYTES = 65_536
/**
 * And of the window: the client confirms whole frames, so that with one frame in flight a high event would wait for all of
 * it before it is written, and then for all of its own.
 */
const MAX_FRAME_SHARE = 0.25
/** Of the window, what the high lane may write while the session is congested, in one congestion: the others get their turn. */
const HIGH_RESERVE_SHARE = 0.25

/** Frames are built one at a time and copied when sent: one buffer serves all sessions. */
const frames = new BatchFrameBuilder()

/** The way from a subscriber's backlog to its socket: writes as much as flow control allows. */
export class Outlet {
  readonly #socket: DeliverySocket
  readonly #backlog: Backlog
  #flow: Flow
  #highReserve = 0
  #congestedSince: number | undefined
  /** Nothing is buffered, as the last send or look said. Asking the socket costs as much as planning a frame. */
  #isDrained = false

  constructor(socket: DeliverySocket, flow: FlowOptions, backlog: Backlog) {
    this.#socket = socket
    this.#backlog = backlog
    this.#flow = openFlow(flow)
  }

  get isOpen(): boolean {
    return this.#flow.state === 'open'
  }

  /** Since when nothing was written for want of room, ms of the monotonic clock; `undefined` while there is some. */
  get congestedSince(): number | undefined {
    return this.#congestedSince
  }

  /** What is in flight, and what measures it. */
  get inFlight(): { readonly bytes: number; readonly by: Flow['mode'] } {
    return { bytes: bytesInFlight(this.#flow, this.#bufferedBytes()), by: this.#flow.mode }
  }

  /** The client, or a look at the socket, told something new. */
  step(event: Extract<FlowEvent, { type: 'credited' | 'checked' }>, now: number): void {
    this.#step(event, now)
  }

  /** Writes what is queued and may be sent. Returns whether more may go without the client's doing. */
  flush(now: number): boolean {
    this.#step({ type: 'checked' }, now)
    if (this.isOpen) this.#highReserve = this.#flow.windowBytes * HIGH_RESERVE_SHARE
    while (this.isOpen && this.#writeNext(now)) {}
    // Without credit congestion means that the socket itself takes no more.
    while (!this.isOpen && this.#flow.mode === 'credit' && this.#writeHigh(now)) {}
    return !isWaitingForCredit(this.#flow, this.#bufferedBytes())
  }

  /** Largest frame of events, unless a single one is larger. */
  get maxFrameBytes(): number {
    return Math.min(MAX_FRAME_BYTES, this.#flow.windowBytes * MAX_FRAME_SHARE)
  }

  /** Writes a frame that is not queued, room or not. False: it was dropped. */
  write(frame: ServerFrame, now: number): boolean {
    return this.#send(Buffer.from(JSON.stringify(frame)), { by: 'control', frame }, now)
  }

  /** The same for a frame of a snapshot. */
  writeSnapshot({ bytes, isEnd }: SnapshotFrame, now: number): boolean {
    return this.#send(bytes, { by: 'snapshot', isEnd }, now)
  }

  /** Writes the next gap or batch frame. False when there is nothing to write, or no room for it. */
  #writeNext(now: number): boolean {
    if (this.#backlog.isEmpty) return false
    const due = this.#backlog.dueGap()
    if (due !== undefined) {
      if (!this.write(gapFrame(due.gap), now)) return false
      due.queue.dueGapTold()
      return true
    }
    this.#backlog.release(now)
    const buffered = this.#bufferedBytes()
    const free = this.#flow.highWaterBytes - bytesInFlight(this.#flow, buffered)
    const takes = this.#backlog.plan(Math.min(free, this.maxFrameBytes), isNearlyIdle(this.#flow, buffered))
    if (takes.length > 0) return this.#writeBatch(takes, now) !== undefined
    if (this.#backlog.hasTakeable) this.#step({ type: 'blocked' }, now)
    return false
  }

  /** Writes high events into what the window keeps for them. False when there are none, or too many. */
  #writeHigh(now: number): boolean {
    if (!this.#backlog.hasHigh) return false
    const free = this.#flow.windowBytes - bytesInFlight(this.#flow, this.#bufferedBytes())
    const takes = this.#backlog.planHigh(Math.min(free, this.#highReserve, MAX_FRAME_BYTES))
    const bytes = takes.length > 0 ? this.#writeBatch(takes, now) : undefined
    if (bytes === undefined) return false
    this.#highReserve -= bytes
    return true
  }

  /** Returns the bytes of the frame, or nothing when the socket dropped it. */
  #writeBatch(takes: readonly Take<Run>[], now: number): number | undefined {
    const frame = frames.build(takes)
    if (!this.#send(frame, { by: 'events', takes }, now)) return undefined
    this.#backlog.delivered(takes)
    return frame.length
  }

  /** Hands a frame to the socket. False: it was dropped, and nothing more goes until the socket has drained. */
  #send(frame: Buffer, moved: Moved, now: number): boolean {
    const outcome = this.#socket.send(frame, moved)
    this.#isDrained = outcome === 'sent'
    const dropped = outcome === 'dropped'
    this.#step(dropped ? { type: 'blocked' } : { type: 'wrote', bytes: frame.length }, now)
    return !dropped
  }

  #bufferedBytes(): number {
    if (this.#isDrained) return 0
    const bytes = this.#socket.bufferedBytes()
    this.#isDrained = bytes === 0
    return bytes
  }

  #step(event: FlowEvent, now: number): void {
    this.#flow = stepFlow(this.#flow, event, this.#bufferedBytes())
    if (this.#flow.state === 'open') this.#congestedSince = undefined
    else this.#congestedSince ??= now
  }
}
