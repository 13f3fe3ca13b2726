/** One system under comparison: how its server is started, and how a client speaks to it. */
export interface Subject {
  readonly title: string
  readonly ack: AckPromise
  /** How it is set up, a sentence each. */
  readonly settings: readonly string[]
  /** @throws {Unavailable} when this machine does not have it */
  start(): Promise<PeerServer>
  /**
   * Opens a connection that publishes.
   *
   * @param isSentAgain the caller publishes again whatever was not acknowledged: with what the subject has against doubles
   */
  publish(port: number, isSentAgain?: boolean): Promise<Publisher>
  /** Opens a connection that receives every event published from now on. */
  subscribe(port: number, reader: Reader): Promise<Subscriber>
  /**
   * Subscribes and leaves. The result comes back, and receives what it missed and what follows. Absent: nothing is kept for
   * those who are away.
   */
  leave?(port: number): Promise<(reader: Reader) => Promise<Subscriber>>
}

/** The promise of an acknowledgement. */
export type AckLevel = 'disk within a second' | 'page cache' | 'memory' | 'relayed'

export interface AckPromise {
  readonly level: AckLevel
  readonly words: string
}

export interface PeerServer {
  readonly port: number
  readonly version: string
  /** The processes that are its own, with what stores its events. */
  pids(): Promise<readonly number[]>
  /** kill -9 of the process that stores events, and waits for its end. */
  killBus(): Promise<void>
  /** Starts it again on its data, where nothing else does. */
  restoreBus(): Promise<void>
  /** Ends everything and removes the data. */
  stop(): Promise<void>
}

export interface PeerEvent {
  readonly n: number
  /** JSON. */
  readonly data: string
}

export interface Publisher {
  /** Resolves once all are acknowledged. Rejects when one is refused, or the connection ends before. */
  publish(events: readonly PeerEvent[]): Promise<void>
  /** Its connection has ended, and it acknowledges nothing more. */
  readonly hasEnded: boolean
  /** It sends again by itself whatever is not acknowledged. */
  readonly isTenacious?: true
  close(): void
}

export interface Reader {
  /** Bytes with events in them; an event may be split over two calls. */
  receive(payload: Buffer): void
  /** The server says that so many events were withheld. */
  withhold?(events: number): void
  /** The server ended the connection. */
  end?(): void
}

export interface Subscriber {
  /** Stops reading, and keeps the connection alive where that takes more than an open socket. */
  pause(): void
  resume(): void
  close(): void
}

/** This machine does not have what a subject needs; the message says how to get it. */
export class Unavailable extends Error {}
