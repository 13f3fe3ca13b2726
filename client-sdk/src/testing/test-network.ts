import type { PublishGrant, ServerFrame } from '@tidegate/protocol'
import type { SocketConstructor } from '../connection/socket.ts'
import { BROKEN, type Closing, NetworkSocket } from './network-socket.ts'
import { type RefusableFrame, type Refusal, Refusals } from './refusals.ts'
import { TestClock } from './test-clock.ts'

/** How long a gateway that drains keeps its connections. */
const DRAIN_DEADLINE_MS = 5_000
const OUTAGE_RETRY_MS = 100

/**
 * What goes wrong between clients and a gateway, real or in memory. Behaviours add up; those that last return a function
 * that ends them.
 */
export class TestNetwork {
  /** For `createClient({ WebSocket })`. */
  readonly WebSocket: SocketConstructor
  /** Of this network: lag passes by it. */
  readonly clock: TestClock
  readonly #sockets = new Set<NetworkSocket>()
  readonly #refusals = new Refusals()
  #lagMs = 0
  #isOffline = false

  /** @param Inner the WebSocket class that leads to the gateway */
  constructor(Inner: SocketConstructor, clock = new TestClock()) {
    this.clock = clock
    const sockets = this.#sockets
    const network = {
      clock,
      refusals: this.#refusals,
      lagMs: () => this.#lagMs,
      isOffline: () => this.#isOffline,
      closed: (socket: NetworkSocket) => sockets.delete(socket),
    }
    this.WebSocket = class extends NetworkSocket {
      constructor(url: string, protocols?: string | string[]) {
        super(network, Inner, url, protocols)
        sockets.add(this)
      }
    }
  }

  /** Sockets that are open, or on their way to be. */
  get sockets(): number {
    return this.#sockets.size
  }

  /** From now on every frame takes so long, in each direction. `Infinity`: nothing arrives, until another lag is set. */
  lag(ms: number): void {
    this.#lagMs = ms
    if (ms !== Number.POSITIVE_INFINITY) for (const socket of this.#sockets) socket.release()
  }

  /** Breaks every connection, and loses what is on its way. Clients may connect again. @param closing as they see it */
  cut(closing: Partial<Closing> = {}): void {
    for (const socket of [...this.#sockets]) socket.cut({ ...BROKEN, ...closing })
  }

  /** Breaks every connection and lets none be opened, until it is ended. */
  offline(): () => void {
    this.#isOffline = true
    this.cut()
    return () => {
      this.#isOffline = false
    }
  }

  /** Refuses frames instead of passing them on. A refused `hello` closes its connection. */
  refuse<Type extends RefusableFrame>(frame: Type, refusal: Refusal<Type>): () => void {
    return this.#refusals.add(frame, refusal)
  }

  /** Announces on every connection that its gateway stops: clients move to another connection, and theirs is closed. */
  drain({ reconnectInMs = 0, deadlineMs = DRAIN_DEADLINE_MS } = {}): void {
    for (const socket of this.#sockets) socket.drain(reconnectInMs, deadlineMs)
  }

  /** Appends are slow: clients pause, and then have no more than the grant unanswered. */
  slow({ retryAfterMs = 0, publish }: { readonly retryAfterMs?: number; readonly publish: PublishGrant }): void {
    this.inject({ type: 'slow', retryAfterMs, publish })
  }

  /** Redis does not answer: publishes are refused as `unavailable` until it is ended. */
  outage(retryAfterMs = OUTAGE_RETRY_MS): () => void {
    const end = this.refuse('publish', { code: 'unavailable', retryAfterMs })
    const since = this.clock.now()
    this.inject({ type: 'bus', class: 'append', state: 'open', since, retryAfterMs })
    return () => {
      end()
      this.inject({ type: 'bus', class: 'append', state: 'closed', since: this.clock.now() })
    }
  }

  /** Every client gets a frame that its gateway did not send. */
  inject(frame: ServerFrame): void {
    for (const socket of this.#sockets) socket.inject(frame)
  }

  /** Resolves when everything has arrived, as far as no lag has to pass first, and nothing follows from it at once. */
  async settled(): Promise<void> {
    for (let turn = 0, quiet = 0; quiet < QUIET_TURNS; turn++) {
      if (turn > MOST_TURNS) throw new Error('settled: one frame follows from another without end.')
      await Promise.resolve()
      quiet = [...this.#sockets].every(({ isQuiet }) => isQuiet) ? quiet + 1 : 0
    }
  }
}

/** Turns without a frame after which none follows: applications await a few promises between two calls. */
const QUIET_TURNS = 50
/** A test that waits for more than this waits in vain, and would hang. */
const MOST_TURNS = 1_000_000

/** A network in front of a gateway that runs. @param Inner the WebSocket class that leads there */
export function createTestNetwork(Inner: SocketConstructor): TestNetwork {
  return new TestNetwork(Inner)
}
