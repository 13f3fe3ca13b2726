import { randomBytes } from 'node:crypto'
import { CLOSE, ERROR_CODES, type LogEpoch, SHARED_SUBPROTOCOL } from '@tidegate/protocol'
import type { Credentials } from '../access/index.ts'
import type { GuardState } from '../bus/index.ts'
import type { ClientAddresses, ClientLimits, Limits, Refusal } from '../limits/index.ts'
import type { LoopTurn } from '../loop-turn.ts'
import { contained } from '../observability/contained.ts'
import { describeDefect } from '../observability/defects.ts'
import { RETRY_AFTER_MS } from '../retry-after.ts'
import { Rounds } from '../rounds.ts'
import { Connection, type ConnectionContext } from './connection.ts'
import { keptFrame } from './connection-limits.ts'
import { ContainedConnection } from './contained-connection.ts'
import { AmbientCredentials, isForwarded, NONE } from './credentials.ts'
import { EventLoopLag } from './event-loop-lag.ts'
import { FrameTurns } from './frame-turns.ts'
import { limited, refusedReply } from './http/limited-request.ts'
import { errorReply } from './http/replies.ts'
import type { RouteContext } from './http/route-context.ts'
import { forwarded, isForWatchers, route } from './http/routes.ts'
import type { PageGuard } from './pages/page-guard.ts'
import { RequestTurns } from './request-turns.ts'
import { type Closing, SharedSocket } from './shared-socket.ts'
import { silentOnes } from './shedding.ts'
import { LOOK_MS } from './sse/event-socket.ts'
import type {
  Arrival,
  BodyAccount,
  HttpRequest,
  HttpResponse,
  SocketHandler,
  StreamResponse,
  TransportHandlers,
  TransportSocket,
} from './transport/transport.ts'
import { subprotocolOf } from './transport/upgrade.ts'

const TICK_MS = 1_000
/** How often the gateway measures its load. */
const LOAD_TICK_MS = 500
/** How often it looks whether its event loop is busy: a flood is noticed before many have waited for it. */
const BUSY_TICK_MS = 50
/** What a handshake or request costs besides its handling, ms: its way from the kernel and back. */
const ARRIVAL_WORK_MS = 0.1
/** The same for each part of a body. */
const PART_WORK_MS = 0.002
/** Above this wait for its share a body is refused: its parts cannot wait, since all that were received at once are handed over at once. */
const MAX_BODY_WAIT_MS = 100
/** How often the publish grant is adjusted. */
const GRANT_TICK_MS = 100
/** Time from one round of answers to the next: a write costs as much as handling several commands. A client alone is faster back than that. */
const ANSWER_GAP_MS = 1
/** Clients are asked to reconnect spread over this time, so that they do not all reach the next gateway at once. */
const RECONNECT_SPREAD_MS = 1_000

/** The open connections and the HTTP routes of one gateway process. */
export class Gateway implements TransportHandlers {
  readonly #connections = new Set<Connection>()
  readonly #context: ConnectionContext
  readonly #routes: RouteContext
  readonly #guard: PageGuard
  readonly #requestTurns: RequestTurns
  readonly #ambient: AmbientCredentials
  readonly #idPrefix = randomBytes(3).toString('hex')
  #opened = 0
  #hasMemory = true
  #isDraining = false
  readonly #openBreakers = new Map<string, GuardState>()
  readonly #lag = new EventLoopLag()
  #timers: NodeJS.Timeout[] = []
  readonly #limits: Limits
  readonly #addresses: ClientAddresses

  constructor(
    {
      loopTurn,
      ...context
    }: Omit<ConnectionContext, 'onLive' | 'onClosed' | 'turns' | 'answerRounds'> & { readonly loopTurn?: LoopTurn },
    routes: RouteContext,
    guard: PageGuard,
    {
      limits,
      addresses,
      cookie,
    }: { readonly limits: Limits; readonly addresses: ClientAddresses; readonly cookie?: string | undefined },
  ) {
    this.#limits = limits
    this.#addresses = addresses
    this.#context = {
      ...context,
      turns: new FrameTurns(context.clock, keptFrame, loopTurn),
      answerRounds: new Rounds(() => ANSWER_GAP_MS),
      onLive: (connection) => {
        for (const state of this.#openBreakers.values()) connection.sendBus(state)
      },
      onClosed: (connection) => this.#connections.delete(connection),
    }
    this.#requestTurns = new RequestTurns(context.clock, loopTurn)
    this.#routes = routes
    this.#guard = guard
    this.#ambient = new AmbientCredentials(cookie, guard)
  }

  get connections(): { readonly websocket: number; readonly stream: number } {
    return { websocket: this.#connections.size, stream: this.#routes.streams.size }
  }

  /** Frames that wait for their turn. */
  get waitingFrameBytes(): number {
    return this.#context.turns.waitingBytes
  }

  start(): void {
    const tick = () => {
      this.#each('tick', (connection) => connection.tick())
    }
    this.#lag.start()
    const weigh = () => {
      const { admission, delivery } = this.#context
      this.#hasMemory = this.#limits.hasMemory(process.memoryUsage.rss())
      admission.observe({ lagMs: this.#lag.takeMs(), queueShare: delivery.queueShare, hasMemory: this.#hasMemory })
      if (this.#hasMemory) return
      for (const connection of silentOnes(this.#connections, this.#context.clock.monotonic())) {
        this.#contained('the end', connection, () => connection.shed())
      }
    }
    this.#timers = [
      setInterval(tick, TICK_MS),
      setInterval(() => this.#routes.streams.tick(), LOOK_MS),
      setInterval(weigh, LOAD_TICK_MS),
      setInterval(() => this.#limits.observeLoop(this.#lag.takeUtilization()), BUSY_TICK_MS),
      setInterval(() => this.#adjustGrant(), GRANT_TICK_MS),
    ]
  }

  accept(remoteAddress: string): boolean {
    const address = this.#addresses.ofPeer(remoteAddress)
    // A trusted proxy connects for others: they count.
    return address.isProxied || this.#limits.accept(address)
  }

  upgrade(arrival: Arrival): HttpResponse | undefined {
    const { header } = arrival
    const refusal = this.#guard.refuse({ method: 'GET', header })
    if (refusal !== undefined) return refusal
    if (this.#routes.access.isLocal && isForwarded(header)) return forwarded()
    if (!this.#hasMemory) return errorReply('overloaded', ERROR_CODES.overloaded, RETRY_AFTER_MS.slowClient)
    const refused = this.#limits.refuseConnection(this.#addresses.of(arrival))
    return refused && refusedReply(refused)
  }

  open(socket: TransportSocket, arrival: Arrival): SocketHandler {
    if (subprotocolOf(arrival.header) === SHARED_SUBPROTOCOL) return this.#openShared(socket, arrival)
    return this.#openConnection(socket, arrival, this.#ambient.of(arrival))
  }

  /** It counts as a connection, and so does each client on it. */
  #openShared(socket: TransportSocket, arrival: Arrival): SocketHandler {
    const limits = this.#limits.open(this.#addresses.of(arrival))
    limits.hold('connections', 1)
    return new SharedSocket(socket, {
      refuse: () => this.#refuseClient(arrival),
      // Credentials of the handshake belong to the client that opened the socket.
      open: (client) => this.#openConnection(client, arrival, NONE),
      spent(bytes) {
        const refusal = limits.frame(bytes)
        return refusal && overload(refusal.retryAfterMs)
      },
      closed: () => limits.close(),
    })
  }

  /** As for a connection that begins with a handshake. */
  #refuseClient(arrival: Arrival): Closing | undefined {
    if (this.#isDraining) return { code: CLOSE.drain, reason: 'shutdown' }
    if (!this.#hasMemory) return overload(RETRY_AFTER_MS.slowClient)
    const address = this.#addresses.of(arrival)
    if (!address.isProxied && !this.#limits.accept(address)) return overload(RETRY_AFTER_MS.slowClient)
    const refusal = this.#limits.refuseConnection(address)
    return refusal && overload(refusal.retryAfterMs)
  }

  #openConnection(socket: TransportSocket, arrival: Arrival, ambient: Credentials): SocketHandler {
    const address = this.#addresses.of(arrival)
    const limits = this.#limits.open(address)
    limits.hold('connections', 1)
    const id = `s-${this.#idPrefix}${(this.#opened++).toString(36)}`
    const client = { limits, address: address.name, ambient }
    const connection = new Connection(this.#context, socket, id, client)
    this.#connections.add(connection)
    return new ContainedConnection(connection, this.#context.report)
  }

  /** Tells clients that calls to Redis are refused, or answered again; single probes in between are not reported. */
  sendBus(state: GuardState): void {
    const isOpen = state.state !== 'closed'
    if (isOpen === this.#openBreakers.has(state.class)) return
    if (isOpen) this.#openBreakers.set(state.class, state)
    else this.#openBreakers.delete(state.class)
    this.#each('bus', (connection) => connection.sendBus(state))
  }

  /** Tells publishers that a log continues under another epoch. */
  sendEpoch(at: LogEpoch): void {
    this.#each('epoch', (connection) => connection.sendEpochs([at]))
  }

  /** Ends the connections and streams of callers that may not stay. */
  recheckCallers(): void {
    this.#each('recheck', (connection) => connection.recheck())
    this.#routes.streams.recheck()
  }

  #adjustGrant(): void {
    const { ingest, publishControl, clock } = this.#context
    const change = publishControl.observe(ingest.takeLongestAppendMs(), clock.monotonic())
    if (change === undefined) return
    this.#each('grant', (connection) => connection.sendGrant(change))
  }

  async request(request: HttpRequest): Promise<HttpResponse | StreamResponse> {
    const address = this.#addresses.of(request)
    const limits = this.#limits.open(address)
    let hasLeft = false
    request.onLeave(() => {
      hasLeft = true
      limits.close()
    })
    const refused =
      limits.frame(0) ?? (this.#requestTurns.isFull(address.name) ? limits.refuseWork() : limits.overworked())
    const isLast = refused !== undefined && !limits.mayBeRefused(1)
    // A client that is cut is not waited for: the rest of what it sent is not read.
    if (!isLast) {
      await this.#requestTurns.take({ address: address.name, workWaitMs: () => (refused ? 0 : limits.workWaitMs()) })
    }
    if (hasLeft) return NOT_READ
    const client = { limits, from: address.name, ambient: this.#ambient.of(request) }
    const handle = () =>
      this.#guard.answer(request, async () =>
        refused ? refusedReply(refused) : route(this.#routes, limited(request, client)),
      )
    const answer = await (isForWatchers(request.path) ? handle() : this.#working(limits, handle))
    // A stream keeps them for as long as it is open.
    if (answer.kind === 'stream') return answer
    limits.close()
    return isLast ? { ...answer, isLast } : answer
  }

  /** Pays for the work on a request, as far as that is done in one turn of the event loop. What Redis answers is paid for as it is read. */
  async #working<Answer>(limits: ClientLimits, handle: () => Promise<Answer>): Promise<Answer> {
    const { clock } = this.#context
    const { turn } = this.#requestTurns
    const began = clock.monotonic()
    const answer = handle()
    const firstMs = clock.monotonic() - began
    try {
      return await answer
    } finally {
      const ms = this.#requestTurns.turn === turn ? clock.monotonic() - began : firstMs
      limits.worked(ARRIVAL_WORK_MS + ms)
    }
  }

  body(arrival: Arrival): BodyAccount {
    const limits = this.#limits.open(this.#addresses.of(arrival))
    const reply = (refusal: Refusal | undefined) => refusal && refusedReply(refusal)
    let held = 0
    return {
      came(bytes, parts) {
        limits.worked(parts * PART_WORK_MS)
        return reply(limits.received(bytes, parts) ?? limits.overworked(MAX_BODY_WAIT_MS))
      },
      keep(bytes) {
        const refusal = limits.hold('bodyBytes', bytes)
        if (refusal === undefined) held += bytes
        return reply(refusal)
      },
      release() {
        limits.release('bodyBytes', held)
        held = 0
      },
      close: () => limits.close(),
    }
  }

  /**
   * Asks every client to leave, answers pending publishes, and closes the remaining clients at the deadline. The
   * listener MUST be closed first, or clients come straight back.
   */
  async drain(deadlineMs: number): Promise<void> {
    this.#isDraining = true
    for (const timer of this.#timers) clearInterval(timer)
    this.#lag.stop()
    this.#each('drain', (connection) =>
      connection.drain(
        Math.round(Math.random() * Math.min(RECONNECT_SPREAD_MS, deadlineMs / 2)),
        deadlineMs,
        'shutdown',
      ),
    )
    this.#routes.streams.drain()
    const deadline = performance.now() + deadlineMs
    const { ingest } = this.#context
    await Promise.race([Promise.all([ingest.drain(), this.#routes.commands.drain()]), pause(deadlineMs)])
    while (this.#connections.size > 0 && performance.now() < deadline) await pause(20)
    this.#each('close', (connection) => connection.close(CLOSE.drain, 'shutdown'))
  }

  defect(where: string, error: unknown): string {
    return describeDefect(this.#context.report(where, error))
  }

  /** One faulty connection does not keep the others from their turn. */
  #each(where: string, action: (connection: Connection) => void): void {
    for (const connection of this.#connections) this.#contained(where, connection, () => action(connection))
  }

  #contained(where: string, connection: Connection, action: () => void): void {
    contained(this.#context.report, `${where} of ${connection.id}`, (id) => connection.abort(id), action)
  }
}

/** For nobody. */
const NOT_READ: HttpResponse = { kind: 'whole', status: 503, headers: {}, body: '' }

/** The client may come back after the time. */
function overload(retryAfterMs: number | undefined): Closing {
  return { code: CLOSE.overload, reason: JSON.stringify({ retryAfterMs }) }
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
