import { formatShared, parseShared, SHARED_SUBPROTOCOL } from '@tidegate/protocol'
import { OPEN, type Socket, type SocketConstructor } from '../connection/socket.ts'

/** As long as a client waits for its greeting. */
const CONNECT_MS = 10_000
/** A gateway that has not taken a client by then is not there any more: the network may have changed. */
const ANSWER_MS = 5_000
const NORMAL = 1_000
const LOST = 1_006
/** A gateway that is about to stop takes nobody any more. */
const DRAIN = '{"type":"drain"'

/** A client that is carried, as its tab hears of it. */
export interface Passenger {
  opened(): void
  message(text: string): void
  /** Once, unless it has left. */
  closed(code: number, reason: string): void
}

interface Seat {
  readonly passenger: Passenger
  /** Runs until the gateway has taken it. */
  deadline: ReturnType<typeof setTimeout> | undefined
}

/** One connection to the gateway, for the clients of several tabs. */
export class Carrier {
  readonly #socket: Socket
  readonly #onEnd: (carrier: Carrier) => void
  readonly #seats = new Map<number, Seat>()
  readonly #connecting: ReturnType<typeof setTimeout>
  #next = 1
  #isLeaving = false

  constructor(url: string, WebSocket: SocketConstructor, onEnd: (carrier: Carrier) => void) {
    this.#onEnd = onEnd
    this.#socket = new WebSocket(url, SHARED_SUBPROTOCOL) as Socket
    this.#connecting = setTimeout(() => this.#lost(LOST, ''), CONNECT_MS)
    this.#socket.onopen = () => {
      clearTimeout(this.#connecting)
      for (const number of this.#seats.keys()) this.#ask(number)
    }
    this.#socket.onmessage = ({ data }) => this.#take(String(data))
    this.#socket.onclose = ({ code, reason }) => this.#lost(code, reason)
    // The following close says so.
    this.#socket.onerror = () => {}
  }

  /** Whether it takes further clients. */
  get isOpenToOthers(): boolean {
    return !this.#isLeaving
  }

  /** @returns the number to call it by */
  board(passenger: Passenger): number {
    const number = this.#next++
    this.#seats.set(number, { passenger, deadline: undefined })
    if (this.#socket.readyState === OPEN) this.#ask(number)
    return number
  }

  send(number: number, frame: string): void {
    if (this.#seats.has(number)) this.#write(formatShared({ kind: 'frame', client: number, frame }))
  }

  /** The client has left. Nobody is carried any more: the connection ends. */
  leave(number: number): void {
    if (!this.#vacate(number)) return
    this.#write(`${number}-`)
    if (this.#seats.size === 0) this.close()
  }

  /** Everybody is told. Idempotent. */
  close(): void {
    this.#lost(LOST, '')
  }

  #ask(number: number): void {
    this.#seats.get(number)!.deadline = setTimeout(() => this.#lost(LOST, ''), ANSWER_MS)
    this.#write(formatShared({ kind: 'open', client: number }))
  }

  #take(text: string): void {
    const message = parseShared(text)
    if (message === undefined) return this.#lost(LOST, '')
    const seat = this.#seats.get(message.client)
    if (seat === undefined) return
    switch (message.kind) {
      case 'open':
        clearTimeout(seat.deadline)
        return seat.passenger.opened()
      case 'frame':
        if (message.frame.startsWith(DRAIN)) this.#isLeaving = true
        return seat.passenger.message(message.frame)
      case 'close':
        this.#vacate(message.client)
        seat.passenger.closed(message.code, message.reason)
        if (this.#seats.size === 0) this.close()
    }
  }

  #vacate(number: number): boolean {
    clearTimeout(this.#seats.get(number)?.deadline)
    return this.#seats.delete(number)
  }

  #lost(code: number, reason: string): void {
    clearTimeout(this.#connecting)
    this.#isLeaving = true
    this.#socket.onopen = null
    this.#socket.onmessage = null
    this.#socket.onclose = null
    this.#socket.close(NORMAL)
    this.#onEnd(this)
    for (const [number, { passenger }] of [...this.#seats]) if (this.#vacate(number)) passenger.closed(code, reason)
  }

  #write(text: string): void {
    if (this.#socket.readyState === OPEN) this.#socket.send(text)
  }
}
