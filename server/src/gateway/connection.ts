import {
  CLOSE,
  type ClientFrame,
  type CloseCode,
  DEFAULTS,
  ERROR_CODES,
  type ErrorCode,
  formatLogEpoch,
  LIMITS,
  type LogEpoch,
  NEW_SEQUENCE,
  parseLogEpoch,
  type ServerFrame,
} from '@tidegate/protocol'
import type { Access, Caller, Refusal } from '../access/index.ts'
import { assertNever } from '../assert-never.ts'
import type { GuardState } from '../bus/index.ts'
import { type Commands, refuse } from '../commands/index.ts'
import type { Delivery, DeliverySubscriber, EncodedFrame } from '../delivery/index.ts'
import { clientProducer, eventsText, type GrantChange, type Ingest, mayBeScanned, Producer } from '../ingest/index.ts'
import type { ClientLimits } from '../limits/index.ts'
import { contained } from '../observability/contained.ts'
import { describeDefect, type ReportDefect } from '../observability/defects.ts'
import type { PresenceBook } from '../presence/index.ts'
import type { Queries } from '../queries/index.ts'
import { RETRY_AFTER_MS } from '../retry-after.ts'
import type { Rounds } from '../rounds.ts'
import { answerFrame } from './answer-frame.ts'
import { limitedFrame, parseClientFrame, type RefusedFrame } from './client-frame.ts'
import { ConnectionCommands } from './connection-commands.ts'
import { ConnectionLimits, type ReceivedFrame } from './connection-limits.ts'
import { ConnectionPublisher, type PublisherContext } from './connection-publisher.ts'
import { ConnectionQueries } from './connection-queries.ts'
import type { ConnectionState, LiveState } from './connection-state.ts'
import { tokenCredentials } from './credentials.ts'
import type { FrameReader, FrameTurns } from './frame-turns.ts'
import { type ConnectedClient, type Greeter, Greeting, type HelloFrame } from './greeting.ts'
import { knownEntries } from './known-entries.ts'
import type { Silent } from './shedding.ts'
import { TokenRenewals } from './token-renewals.ts'
import type { TransportSocket } from './transport/transport.ts'
import { expiry, type WelcomeContext, welcome, windowOf } from './welcome.ts'

/** What every connection of a gateway shares. */
export interface ConnectionContext extends PublisherContext, WelcomeContext {
  readonly access: Pick<Access, 'authenticate' | 'admits'>
  readonly ingest: Ingest
  readonly delivery: Delivery
  readonly queries: Queries
  readonly commands: Pick<Commands, 'send' | 'epochOf'>
  /** Absent where no topic has presence. */
  readonly presence?: Pick<PresenceBook, 'open'> | undefined
  readonly report: ReportDefect
  readonly turns: FrameTurns<ReceivedFrame>
  /** In which answers and acknowledgements leave. */
  readonly answerRounds: Pick<Rounds, 'wait'>
  /** The client was greeted. */
  readonly onLive: (connection: Connection) => void
  readonly onClosed: (connection: Connection) => void
}

/** RFC 6455: an unexpected condition. Clients reconnect as after a broken link. */
const CLOSE_INTERNAL = 1_011

/** One connected socket: reads frames, keeps the publish grant, and passes frames on. */
export class Connection implements FrameReader<ReceivedFrame>, Silent {
  readonly #context: ConnectionContext
  readonly #socket: TransportSocket
  readonly id: string
  #state: ConnectionState
  #heardAt: number
  #pingedAt: number
  #stores = false
  /** Most clients only read: made for those that send any. */
  #commandsMade: ConnectionCommands | undefined
  #publisherMade: ConnectionPublisher | undefined
  #queriesMade: ConnectionQueries | undefined
  #renewals: TokenRenewals | undefined
  readonly #limits: ClientLimits
  readonly #gate: ConnectionLimits
  /** Of the client, for people. */
  readonly address: string
  /** Acknowledgements and answers of this round. */
  #answers: (ServerFrame | EncodedFrame)[] = []

  constructor(context: ConnectionContext, socket: TransportSocket, id: string, client: ConnectedClient) {
    const { limits, address } = client
    this.address = address
    const now = context.clock.monotonic()
    this.#limits = limits
    this.#gate = new ConnectionLimits(limits)
    this.#context = context
    this.#socket = socket
    this.id = id
    this.#heardAt = now
    this.#pingedAt = now
    this.#state = { phase: 'greeting', greeting: new Greeting(context, client, this.#greeter()) }
  }

  get #commands(): ConnectionCommands {
    const { commands, clock } = this.#context
    this.#commandsMade ??= new ConnectionCommands(commands, clock, (id, outcome, logged) =>
      this.#answering(() => this.#answer(answerFrame(id, outcome, logged))),
    )
    return this.#commandsMade
  }

  get #publisher(): ConnectionPublisher {
    this.#publisherMade ??= new ConnectionPublisher(
      this.#context,
      this.#limits,
      (frame) => this.#answer(frame),
      (action) => this.#answering(action),
    )
    return this.#publisherMade
  }

  get #queries(): ConnectionQueries {
    const { queries, report } = this.#context
    this.#queriesMade ??= new ConnectionQueries(queries, this.#limits, report, (frame) =>
      this.#answering(() => this.#send(frame)),
    )
    return this.#queriesMade
  }

  message(content: Buffer, isText: boolean): void {
    const bytes = content.length
    this.#heardAt = this.#context.clock.monotonic()
    if (this.#state.phase === 'closed') return
    if (bytes > LIMITS.frameBytes) return this.#fail('frame_too_large', CLOSE.frameTooLarge)
    if (!isText) return this.#fail('protocol_error', CLOSE.protocol, 'Frames are text, not binary.')
    this.#gate.arrived(bytes)
    this.#context.turns.take(this, { content, bytes })
  }

  read(frame: ReceivedFrame): void {
    this.#limits.working(() => this.#contained('message of', () => this.#read(frame)))
  }

  get purse(): object {
    return this.#limits.purse
  }

  waitMs(): number {
    return Math.max(this.#limits.workWaitMs(), this.#commandsMade?.waitMs() ?? 0)
  }

  overflow(): void {
    const waitMs = Math.max(this.#limits.refuseWork().retryAfterMs ?? 0, Math.ceil(this.waitMs()))
    this.#contained('too much of', () => this.#turnAway('rate_limited', waitMs))
  }

  #read(frame: ReceivedFrame): void {
    if (this.#state.phase === 'closed') return
    const { content, bytes, verdict = this.#gate.frame(bytes) } = frame
    if (verdict.kind === 'close') return this.#turnAway('rate_limited', verdict.refusal.retryAfterMs)
    if (this.#state.phase === 'greeting') return this.#state.greeting.read({ content, bytes }, verdict)
    if (verdict.kind === 'read' && this.#scan(content, this.#state)) return
    const text = content.toString('utf8')
    const parsed = parseClientFrame(text)
    if (!parsed.ok) this.#refuse(parsed, this.#state)
    else if (verdict.kind === 'read' || this.#gate.isAlwaysRead(parsed.frame)) {
      this.#handle(parsed.frame, text, bytes, this.#state)
    } else this.#refuse(limitedFrame(parsed.frame, verdict.refusal), this.#state)
  }

  /** Takes a frame that need not be parsed. The scanner looks again: asked here, a connection that only subscribes has no publisher. */
  #scan(content: Buffer, state: LiveState): boolean {
    const isScanned = mayBeScanned(content) && this.#publisher.scan(content, state)
    if (isScanned) this.#stores = true
    return isScanned
  }

  get heardAt(): number {
    return this.#heardAt
  }

  /** Makes room: the client may come back when there is some. */
  shed(): void {
    this.#turnAway('overloaded', RETRY_AFTER_MS.slowClient)
  }

  drained(): void {
    if (this.#state.phase === 'live') this.#state.delivery.drained()
  }

  closed(): void {
    if (this.#state.phase === 'live') this.#state.delivery.close()
    this.#state = { phase: 'closed' }
    this.#context.turns.forget(this)
    this.#limits.close()
    this.#context.onClosed(this)
  }

  /** Called about once a second: sends a ping when it is due, closes a client that stays silent. */
  tick(): void {
    const now = this.#context.clock.monotonic()
    switch (this.#state.phase) {
      case 'greeting':
        this.#state.greeting.tick()
        break
      case 'live':
        if (!this.#mayStay(this.#state)) break
        if (now - this.#heardAt > 2 * DEFAULTS.pingMs) this.#socket.close(CLOSE.idle, 'silent for two pings')
        else if (now - this.#pingedAt >= DEFAULTS.pingMs) {
          this.#pingedAt = now
          this.#state.delivery.sendControl({ type: 'ping', time: this.#context.clock.now() })
        }
        break
      case 'closed':
        break
      default:
        assertNever(this.#state)
    }
  }

  /** Tells the client to reconnect elsewhere, and when the socket will be closed. */
  drain(reconnectInMs: number, deadlineMs: number, reason: string): void {
    this.#send({ type: 'drain', reconnectInMs, deadlineMs, reason })
  }

  /** Sends a publisher its changed grant. */
  sendGrant({ publish, retryAfterMs }: GrantChange): void {
    if (this.#stores) this.#send({ type: 'slow', retryAfterMs, publish })
  }

  sendBus({ class: busClass, state, since, retryAfterMs }: GuardState): void {
    if (state === 'closed') this.#send({ type: 'bus', class: busClass, state, since })
    else this.#send({ type: 'bus', class: busClass, state: 'open', since, retryAfterMs })
  }

  /** Sends a client that publishes, or sends commands, the epochs under which logs continue. */
  sendEpochs(epochs: readonly LogEpoch[]): void {
    if (this.#stores && epochs.length > 0) this.#send({ type: 'epoch', at: epochs.map(formatLogEpoch) })
  }

  close(code: CloseCode, reason: string): void {
    this.#flush()
    this.#socket.close(code, reason)
  }

  /**
   * Ends the connection after a defect. The client may come back: most likely only one of its requests was at fault.
   */
  abort(defectId: string): void {
    try {
      this.#flush()
      const message = describeDefect(defectId)
      const error: ServerFrame = { type: 'error', code: 'internal', message, retryable: false }
      this.#socket.send(JSON.stringify(error))
    } finally {
      this.#socket.close(CLOSE_INTERNAL, defectId)
    }
  }

  /** Ends a client that may not stay: its token has expired or was revoked. */
  recheck(): void {
    if (this.#state.phase === 'live') this.#mayStay(this.#state)
  }

  #mayStay({ caller }: LiveState): boolean {
    const isAdmitted = this.#context.access.admits(caller)
    if (!isAdmitted) this.#fail('unauthorized', CLOSE.unauthorized)
    return isAdmitted
  }

  #greeter(): Greeter {
    return {
      whenKnown: (found, then) => void this.#whenKnown(found, then),
      greet: (hello, caller, waiting) => {
        this.#greet(hello, caller)
        this.#context.turns.putBack(this, waiting)
      },
      turnAway: (code, retryAfterMs) => this.#turnAway(code, retryAfterMs),
      fail: (code, closeCode, message) => this.#fail(code, closeCode, message),
      close: (code, reason) => this.close(code, reason),
    }
  }

  /** Takes up who the client is, unless it has left meanwhile. */
  #whenKnown(found: Promise<Caller | Refusal>, then: (result: Caller | Refusal) => void): Promise<void> {
    return found
      .then((result) => {
        if (this.#state.phase !== 'closed') then(result)
      })
      .catch((error) => this.abort(this.#context.report(`who ${this.id} is`, error)))
  }

  #greet(frame: HelloFrame, caller: Caller): void {
    const epochs = (frame.epochs ?? []).map((text) => parseLogEpoch(text)!)
    this.#stores = epochs.length > 0
    // Before anything it publishes: the first publish in a log decides which later ones are duplicates.
    const proofs = knownEntries(frame.acked ?? [], caller.rights)
    for (const [partition, entries] of proofs) this.#context.ingest.testify(partition, entries)
    const sequence = frame.sequence === NEW_SEQUENCE ? this.#context.ingest.newSequence() : frame.sequence
    this.#state = {
      phase: 'live',
      caller,
      producer:
        frame.producer === undefined
          ? undefined
          : new Producer(clientProducer(caller.namespace, frame.producer), frame.session ?? 0, epochs, sequence),
      delivery: this.#context.delivery.openSubscriber(this.#socket, {
        name: this.id,
        rights: caller.rights,
        limits: this.#limits,
        seat: this.#context.presence?.open(caller),
        windowBytes: windowOf(frame),
      }),
    }
    this.#send(welcome(this.#context, this.id, caller, sequence))
    this.#context.onLive(this)
    const known = new Map(epochs.map(({ partition, epoch }) => [partition, epoch]))
    this.sendEpochs(
      this.#context.ingest.epochs.filter(({ partition, epoch }) => (known.get(partition) ?? epoch) !== epoch),
    )
  }

  /** The same client shows another token. Its producer and its subscriptions continue, as far as that allows. */
  #renew(token: string): Promise<void> {
    const found = Promise.resolve(this.#context.access.authenticate(tokenCredentials(token), this.address))
    return this.#whenKnown(found, (result) => {
      const { phase } = this.#state
      if (phase !== 'live') return
      if (result.kind === 'refused') {
        const { code, message } = result
        if (code === 'unauthorized') return this.#fail(code, CLOSE.unauthorized, message)
        // The previous one still counts.
        return this.#send({ type: 'error', code, message, retryable: true })
      }
      if (result.namespace !== this.#state.caller.namespace) {
        return this.#fail('unauthorized', CLOSE.unauthorized, 'The token is of another subject. Connect anew with it.')
      }
      this.#state = { ...this.#state, caller: result }
      this.#send({ type: 'authorized', ...expiry(result, this.#context.clock) })
      this.#state.delivery.setRights(result.rights)
    })
  }

  #handle(frame: ClientFrame, text: string, bytes: number, state: LiveState): void {
    switch (frame.type) {
      case 'hello':
        return this.#fail('protocol_error', CLOSE.protocol, 'hello was already said.')
      case 'publish':
        this.#stores = true
        return this.#publisher.take({ ...frame, content: eventsText(text) }, bytes, state)
      case 'subscribe':
        return this.#ifAffordable(frame, bytes, state, () => state.delivery.subscribe(frame))
      case 'unsubscribe':
        return state.delivery.unsubscribe(frame.sub)
      case 'credit':
        return state.delivery.credit(frame.bytes, frame.subs)
      case 'token':
        this.#renewals ??= new TokenRenewals((token) => this.#renew(token))
        return this.#renewals.show(frame.token)
      case 'pong':
        return
      case 'query':
        if (frame.name === 'ledger') return this.#sendLedger(frame.id, frame.params?.sub, state.delivery)
        return this.#ifAffordable(frame, bytes, state, () => {
          const over = this.#queries.take(frame, bytes, state.caller.rights)
          if (over !== undefined) this.#refuse(limitedFrame(frame, over), state)
        })
      case 'command': {
        this.#stores = true
        const over = this.#limits.events(1)
        if (over !== undefined) return this.#refuse(limitedFrame(frame, over), state)
        return this.#commands.take(frame, state.caller)
      }
      default:
        assertNever(frame)
    }
  }

  #ifAffordable(
    frame: Extract<ClientFrame, { type: 'subscribe' | 'query' }>,
    bytes: number,
    state: LiveState,
    action: () => void,
  ): void {
    const over = this.#gate.costly(frame.type, bytes)
    if (over === undefined) return action()
    if (over.kind === 'close') return this.#turnAway('rate_limited', over.refusal.retryAfterMs)
    this.#refuse(limitedFrame(frame, over.refusal), state)
  }

  /** Only the connection knows the fate of its subscriptions. */
  #sendLedger(id: number, sub: unknown, delivery: DeliverySubscriber): void {
    const ledger = typeof sub === 'number' ? delivery.ledger(sub) : undefined
    if (ledger !== undefined) return this.#send({ type: 'result', id, data: ledger })
    const code = 'unknown_subscription'
    this.#send({ type: 'error', id, code, message: ERROR_CODES[code], retryable: false })
  }

  #refuse({ answers, code, message, retryAfterMs }: RefusedFrame, { producer }: LiveState): void {
    switch (answers.kind) {
      case 'connection':
        return this.#fail(code, CLOSE.protocol, message)
      case 'publish':
        if (retryAfterMs !== undefined) producer?.failed(answers.seq)
        return this.#publisher.reject(answers.seq, code, retryAfterMs, message)
      case 'command':
        return this.#commands.refuse(answers.id, refuse(code, message, retryAfterMs))
      case 'request': {
        const retry = retryAfterMs === undefined ? { retryable: false } : { retryable: true, retryAfterMs }
        this.#answer({ type: 'error', ...answers.names, code, message, ...retry })
      }
    }
  }

  #turnAway(code: 'overloaded' | 'rate_limited' | 'unavailable', retryAfterMs: number | undefined): void {
    this.#flush()
    const error: ServerFrame = { type: 'error', code, message: ERROR_CODES[code], retryable: true }
    this.#socket.send(JSON.stringify(error))
    this.#socket.close(CLOSE.overload, JSON.stringify({ retryAfterMs }))
  }

  /** The connection itself is at fault: sends the reason and closes. */
  #fail(code: ErrorCode, closeCode: CloseCode, message: string = ERROR_CODES[code]): void {
    this.#flush()
    const error: ServerFrame = { type: 'error', code, message, retryable: false }
    if (this.#state.phase === 'live') this.#state.delivery.sendControl(error)
    else this.#socket.send(JSON.stringify(error))
    this.#socket.close(closeCode, code)
  }

  #answering(action: () => void): void {
    this.#contained('an answer to', action)
  }

  /** A defect ends this connection alone. */
  #contained(what: string, action: () => void): void {
    contained(this.#context.report, `${what} ${this.id}`, (defectId) => this.abort(defectId), action)
  }

  /**
   * What answers requests leaves together, from whichever partitions: each write costs more than all else that is done for it.
   */
  #answer(frame: ServerFrame | EncodedFrame): void {
    if (this.#answers.push(frame) === 1) this.#context.answerRounds.wait(this.#flushRound)
  }

  readonly #flushRound = () => this.#limits.working(() => this.#answering(() => this.#flush()))

  #flush(): void {
    if (this.#answers.length === 0) return
    const frames = this.#answers
    this.#answers = []
    if (this.#state.phase === 'live') this.#state.delivery.sendControls(frames)
  }

  /** Behind everything that was answered before. */
  #send(frame: ServerFrame): void {
    this.#flush()
    if (this.#state.phase === 'live') this.#state.delivery.sendControl(frame)
  }
}
