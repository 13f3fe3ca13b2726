import type { ServerFrame } from '@tidegate/protocol'
import { type Backlog, gapFrame, type Run } from './queue/index.ts'
import type { SocketMemory } from './socket-memory.ts'
import {
  BatchFrameBuilder,
  bytesInFlight,
  type DeliveryObserver,
  type DeliverySocket,
  type EncodedFrame,
  type Flow,
  type FlowEvent,
  type FlowOptions,
  isNearlyIdle,
  isWaitingForCredit,
  type Moved,
  openFlow,
  reportDelivered,
  type SnapshotFrame,
  stepFlow,
  type Take,
} from './wire/index.ts'

/** Largest batch frame. */
const MAX_FRAME_BYTES = 65_536
/** Written at a time: a whole window may be large, and others wait meanwhile. */
const MAX_FLUSH_BYTES = 131_072
/**
 * Its share of the window: the client confirms whole frames, so with a single frame in flight a high event would wait
 * for all of that frame before it is written, and then for all of its own.
 */
const MAX_FRAME_SHARE = 0.25
/** Share of the window that the high lane may write during one congestion: the other lanes need their turn. */
const HIGH_RESERVE_SHARE = 0.25

const ANSWER = { by: 'answer' } as const
const CHECKED = { type: 'checked' } as const
const BLOCKED = { type: 'blocked' } as const

/** Frames are built one at a time and copied when sent: one buffer serves all sessions. */
const frames = new BatchFrameBuilder()

/** Writes a subscriber's backlog to its socket, as far as flow control allows. */
export class Outlet {
  readonly #socket: DeliverySocket
  readonly #backlog: Backlog
  readonly #observer: DeliveryObserver
  readonly #memory: Pick<SocketMemory, 'changed'>
  #flow: Flow
  #highReserve = 0
  #congestedSince: number | undefined
  /** Whether the socket was empty at the last send or look. Asking it costs as much as planning a frame. */
  #isDrained = false
  #unreadBytes = 0

  constructor(
    socket: DeliverySocket,
    flow: FlowOptions,
    backlog: Backlog,
    observer: DeliveryObserver,
    memory: Pick<SocketMemory, 'changed'>,
  ) {
    this.#memory = memory
    this.#socket = socket
    this.#backlog = backlog
    this.#observer = observer
    this.#flow = openFlow(flow)
  }

  get isOpen(): boolean {
    return this.#flow.state === 'open'
  }

  /** Since when there is no room to write, ms of the monotonic clock; `undefined` while there is. */
  get congestedSince(): number | undefined {
    return this.#congestedSince
  }

  /** Bytes that wait for the socket, as of the last look. */
  get unreadBytes(): number {
    return this.#unreadBytes
  }

  /** Nothing is written any more. */
  close(): void {
    this.#unread(0)
  }

  /** Bytes in flight, and how they are measured. */
  get inFlight(): { readonly bytes: number; readonly by: Flow['mode'] } {
    return { bytes: bytesInFlight(this.#flow, this.#bufferedBytes()), by: this.#flow.mode }
  }

  /** A credit arrived, or the socket was looked at. */
  step(event: Extract<FlowEvent, { type: 'credited' | 'checked' }>, now: number): void {
    this.#step(event, now)
  }

  /** Writes queued events that may be sent. Returns whether more may be sent without a signal from the client. */
  flush(now: number): boolean {
    this.#step(CHECKED, now)
    if (this.isOpen) this.#highReserve = this.#flow.windowBytes * HIGH_RESERVE_SHARE
    const upTo = this.#flow.written + MAX_FLUSH_BYTES
    while (this.isOpen && this.#flow.written < upTo && this.#writeNext(now)) {}
    // Without credit, congestion means that the socket itself accepts no more.
    while (!this.isOpen && this.#flow.mode === 'credit' && this.#writeHigh(now)) {}
    return !isWaitingForCredit(this.#flow, this.#bufferedBytes())
  }

  /** Bytes that may be in flight. */
  get windowBytes(): number {
    return this.#flow.windowBytes
  }

  /** Largest frame of events, unless a single one is larger. */
  get maxFrameBytes(): number {
    return Math.min(MAX_FRAME_BYTES, this.#flow.windowBytes * MAX_FRAME_SHARE)
  }

  /** Writes an unqueued frame, room or not. False: it was dropped. */
  write(frame: ServerFrame | EncodedFrame, now: number): boolean {
    const { bytes, moved } = encoded(frame)
    return this.#send(bytes, moved, now)
  }

  /** The same of several, in as few writes as possible. False: one was dropped. */
  writeAll(frames: readonly (ServerFrame | EncodedFrame)[], now: number): boolean {
    let isWhole = true
    let written = 0
    this.#socket.together(() => {
      for (const frame of frames) {
        const { bytes, moved } = encoded(frame)
        if (this.#socket.send(bytes, moved) === 'dropped') isWhole = false
        else written += bytes.length
      }
    })
    this.#isDrained = false
    if (!isWhole) this.#step(BLOCKED, now)
    this.#step({ type: 'wrote', bytes: written }, now)
    return isWhole
  }

  /** As above, for a frame of a snapshot. */
  writeSnapshot({ bytes, isEnd }: SnapshotFrame, now: number): boolean {
    return this.#send(bytes, { by: 'snapshot', isEnd }, now)
  }

  /** Writes a frame of events that are not in the backlog, if there is room for it. False: nothing has happened. */
  writeShared(frame: Buffer, moved: Moved, now: number): boolean {
    if (!this.isOpen) this.#step(CHECKED, now)
    if (!this.isOpen) return false
    const free = this.#flow.highWaterBytes - bytesInFlight(this.#flow, this.#bufferedBytes())
    return frame.length <= free && this.#send(frame, moved, now)
  }

  /** Writes the next gap or batch frame. False when there is nothing to write, or no room for it. */
  #writeNext(now: number): boolean {
    if (this.#backlog.isEmpty) return false
    const due = this.#backlog.dueGap()
    if (due !== undefined) {
      if (!this.write(gapFrame(due.gap), now)) return false
      due.queue.dueGapSent()
      this.#observer.onGap(due.gap.reason)
      return true
    }
    this.#backlog.release(now)
    const buffered = this.#bufferedBytes()
    const free = this.#flow.highWaterBytes - bytesInFlight(this.#flow, buffered)
    const takes = this.#backlog.plan(Math.min(free, this.maxFrameBytes), isNearlyIdle(this.#flow, buffered))
    if (takes.length > 0) return this.#writeBatch(takes, now) !== undefined
    if (this.#backlog.hasTakeable) this.#step(BLOCKED, now)
    return false
  }

  /** Writes high events into the share of the window kept for them. False when there are none, or too many. */
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
    reportDelivered(takes, now, this.#observer)
    this.#backlog.delivered(takes)
    return frame.length
  }

  /** Hands a frame to the socket. False: it was dropped, and nothing more is sent until the socket has drained. */
  #send(frame: Buffer, moved: Moved, now: number): boolean {
    const outcome = this.#socket.send(frame, moved)
    this.#isDrained = outcome === 'sent'
    if (this.#isDrained) this.#unread(0)
    const dropped = outcome === 'dropped'
    this.#step(dropped ? BLOCKED : { type: 'wrote', bytes: frame.length }, now)
    return !dropped
  }

  #bufferedBytes(): number {
    if (this.#isDrained) return 0
    const bytes = this.#socket.bufferedBytes()
    this.#isDrained = bytes === 0
    this.#unread(bytes)
    return bytes
  }

  #unread(bytes: number): void {
    if (bytes === this.#unreadBytes) return
    this.#memory.changed(bytes - this.#unreadBytes)
    this.#unreadBytes = bytes
  }

  #step(event: FlowEvent, now: number): void {
    this.#flow = stepFlow(this.#flow, event, this.#bufferedBytes())
    if (this.#flow.state === 'open') this.#congestedSince = undefined
    else this.#congestedSince ??= now
  }
}

function encoded(frame: ServerFrame | EncodedFrame): { readonly bytes: Buffer; readonly moved: Moved } {
  if (typeof frame === 'string') return { bytes: Buffer.from(frame), moved: ANSWER }
  return { bytes: Buffer.from(JSON.stringify(frame)), moved: { by: 'control', frame } }
}
