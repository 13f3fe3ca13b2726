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
  PROTOCOL_VERSION,
  parseLogEpoch,
  type ServerFrame,
} from '@tidegate/protocol'
import { assertNever } from '../assert-never.ts'
import type { GuardState } from '../bus/index.ts'
import type { Clock } from '../clock.ts'
import { type Commands, refuse } from '../commands/index.ts'
import type { Delivery, DeliverySubscriber } from '../delivery/index.ts'
import {
  clientProducer,
  eventsText,
  type GrantChange,
  type Ingest,
  Producer,
  type PublishControl,
  type PublishOutcome,
  type PublishRequest,
} from '../ingest/index.ts'
import { contained } from '../observability/contained.ts'
import { describeDefect, type ReportDefect } from '../observability/defects.ts'
import { answerQuery, type Params, type Queries } from '../queries/index.ts'
import { RETRY_AFTER_MS } from '../retry-after.ts'
import type { Admission } from './admission.ts'
import { type CheckedFrame, parseClientFrame } from './client-frame.ts'
import { ConnectionCommands } from './connection-commands.ts'
import { knownEntries } from './known-entries.ts'
import type { TransportSocket } from './transport/transport.ts'

/** What every connection of a gateway shares. */
export interface ConnectionContext {
  readonly node: string
  readonly contractHash: string
  readonly clock: Clock
  readonly ingest: Ingest
  readonly publishControl: PublishControl
  readonly delivery: Delivery
  readonly admission: Admission
  readonly queries: Queries
  readonly commands: Pick<Commands, 'send'>
  readonly report: ReportDefect
  /** A publish frame was answered: `ack`, or the code of its rejection. */
  readonly onFrame: (outcome: string) => void
  /** The client was greeted. */
  readonly onLive: (connection: Connection) => void
  readonly onClosed: (connection: Connection) => void
}

/** RFC 6455: an unexpected condition. Clients reconnect as after a broken link. */
const CLOSE_INTERNAL = 1_011
/** A client that has not said hello within this time is not a client. */
export const HELLO_DEADLINE_MS = 5_000

type PublishFrame = Extract<ClientFrame, { type: 'publish' }>

type ConnectionState =
  | { readonly phase: 'awaiting_hello'; readonly since: number }
  | { readonly phase: 'live'; readonly producer: Producer | undefined; readonly delivery: DeliverySubscriber }
  | { readonly phase: 'closed' }

/** One connected socket: reads frames, keeps the publish grant, and passes frames on. */
export class Connection {
  readonly #context: ConnectionContext
  readonly #socket: TransportSocket
  readonly id: string
  #state: ConnectionState
  #heardAt: number
  #pingedAt: number
  #unackedFrames = 0
  #unackedBytes = 0
  #stores = false
  readonly #commands: ConnectionCommands

  constructor(context: ConnectionContext, socket: TransportSocket, id: string) {
    const now = context.clock.monotonic()
    this.#context = context
    this.#socket = socket
    this.id = id
    this.#heardAt = now
    this.#pingedAt = now
    this.#state = { phase: 'awaiting_hello', since: now }
    this.#commands = new ConnectionCommands(context.commands, (commandId, outcome, position) =>
      contained(
        context.report,
        `an answer to ${id}`,
        (defectId) => this.abort(defectId),
        () => this.#send({ type: 'answer', id: commandId, ...outcome, ...(position !== undefined && { position }) }),
      ),
    )
  }

  message(text: string | undefined, bytes: number): void {
    this.#heardAt = this.#context.clock.monotonic()
    if (this.#state.phase === 'closed') return
    if (bytes > LIMITS.frameBytes) return this.#fail('frame_too_large', CLOSE.frameTooLarge)
    if (text === undefined) return this.#fail('protocol_error', CLOSE.protocol, 'Frames are text, not binary.')
    const parsed = parseClientFrame(text)
    if (this.#state.phase === 'awaiting_hello') this.#greet(parsed)
    else if (parsed.ok) this.#handle(parsed.frame, text, bytes, this.#state)
    else this.#refuse(parsed, this.#state.delivery)
  }

  drained(): void {
    if (this.#state.phase === 'live') this.#state.delivery.drained()
  }

  closed(): void {
    if (this.#state.phase === 'live') this.#state.delivery.close()
    this.#state = { phase: 'closed' }
    this.#context.onClosed(this)
  }

  /** Called about once a second: sends a ping when it is due, closes a client that stays silent. */
  tick(): void {
    const now = this.#context.clock.monotonic()
    switch (this.#state.phase) {
      case 'awaiting_hello':
        if (now - this.#state.since > HELLO_DEADLINE_MS) this.#fail('hello_expected', CLOSE.helloExpected)
        break
      case 'live':
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
    this.#socket.close(code, reason)
  }

  /**
   * Ends the connection after a defect. The client may come back: most likely only one of its requests was at fault.
   */
  abort(defectId: string): void {
    try {
      const message = describeDefect(defectId)
      const error: ServerFrame = { type: 'error', code: 'internal', message, retryable: false }
      this.#socket.send(JSON.stringify(error))
    } finally {
      this.#socket.close(CLOSE_INTERNAL, defectId)
    }
  }

  #greet(parsed: CheckedFrame): void {
    if (!parsed.ok) {
      if (parsed.code === 'protocol_error') this.#fail(parsed.code, CLOSE.protocol, parsed.message)
      else this.#fail('hello_expected', CLOSE.helloExpected, parsed.message)
      return
    }
    const { frame } = parsed
    if (frame.type !== 'hello') return this.#fail('hello_expected', CLOSE.helloExpected)
    if (frame.protocol !== PROTOCOL_VERSION) return this.#fail('version_unsupported', CLOSE.version)
    const retryAfterMs = this.#context.admission.connection(frame.returning === true)
    if (retryAfterMs !== undefined) return this.#turnAway(retryAfterMs)
    // Absent stays absent: a client that names no window is not expected to send credit.
    const windowBytes =
      frame.windowBytes === undefined
        ? undefined
        : Math.min(LIMITS.maxWindowBytes, Math.max(LIMITS.minWindowBytes, frame.windowBytes))
    const epochs = (frame.epochs ?? []).map((text) => parseLogEpoch(text)!)
    this.#stores = epochs.length > 0
    // Before anything it publishes: the first publish in a log decides which later ones are duplicates.
    for (const [partition, known] of knownEntries(frame.acked ?? [])) this.#context.ingest.testify(partition, known)
    const sequence = frame.sequence === NEW_SEQUENCE ? this.#context.ingest.newSequence() : frame.sequence
    this.#state = {
      phase: 'live',
      producer:
        frame.producer === undefined
          ? undefined
          : new Producer(clientProducer(frame.producer), frame.session ?? 0, epochs, sequence),
      delivery: this.#context.delivery.openSubscriber(this.#socket, { name: this.id, windowBytes }),
    }
    this.#send({
      type: 'welcome',
      protocol: PROTOCOL_VERSION,
      session: this.id,
      node: this.#context.node,
      contract: this.#context.contractHash,
      publish: this.#context.publishControl.grant,
      limits: { frameBytes: LIMITS.frameBytes, frameEvents: LIMITS.frameEvents },
      pingMs: DEFAULTS.pingMs,
      ...(sequence !== undefined && { sequence }),
    })
    this.#context.onLive(this)
    const known = new Map(epochs.map(({ partition, epoch }) => [partition, epoch]))
    this.sendEpochs(
      this.#context.ingest.epochs.filter(({ partition, epoch }) => (known.get(partition) ?? epoch) !== epoch),
    )
  }

  #handle(frame: ClientFrame, text: string, bytes: number, state: Extract<ConnectionState, { phase: 'live' }>): void {
    switch (frame.type) {
      case 'hello':
        return this.#fail('protocol_error', CLOSE.protocol, 'hello was already said.')
      case 'publish':
        return this.#publish(frame, text, bytes, state.producer)
      case 'subscribe':
        return state.delivery.subscribe(frame)
      case 'unsubscribe':
        return state.delivery.unsubscribe(frame.sub)
      case 'credit':
        return state.delivery.credit(frame.bytes)
      case 'pong':
        return
      case 'query':
        if (frame.name === 'ledger') return this.#sendLedger(frame.id, frame.params?.sub, state.delivery)
        this.#query(frame.id, frame.name, frame.params ?? {}).catch((error) =>
          this.abort(this.#context.report(`an answer to ${this.id}`, error)),
        )
        return
      case 'command':
        this.#stores = true
        return this.#commands.take(frame)
      default:
        assertNever(frame)
    }
  }

  /** Only the connection knows the fate of its subscriptions. */
  #sendLedger(id: number, sub: unknown, delivery: DeliverySubscriber): void {
    const ledger = typeof sub === 'number' ? delivery.ledger(sub) : undefined
    if (ledger !== undefined) return this.#send({ type: 'result', id, data: ledger })
    const code = 'unknown_subscription'
    this.#send({ type: 'error', id, code, message: ERROR_CODES[code], retryable: false })
  }

  async #query(id: number, name: string, params: Params): Promise<void> {
    try {
      this.#send({ ...(await answerQuery(this.#context.queries, name, params)), id })
    } catch (error) {
      const message = describeDefect(this.#context.report(`query ${name}`, error))
      this.#send({ type: 'error', id, code: 'internal', message, retryable: false })
    }
  }

  #publish(frame: PublishFrame, text: string, bytes: number, producer: Producer | undefined): void {
    const { seq, topic, events, ageMs } = frame
    if (events.length === 0) return this.#reject(seq, 'empty_frame')
    if (events.length > LIMITS.frameEvents) return this.#reject(seq, 'too_many_events')
    this.#stores = true
    const retryAfterMs = this.#context.admission.publish()
    if (retryAfterMs !== undefined) {
      producer?.failed(seq)
      return this.#reject(seq, 'overloaded', retryAfterMs)
    }
    const grant = this.#context.publishControl.enforced(this.#context.clock.monotonic())
    // A single frame may be larger than a small grant, and the last one within it may reach beyond it.
    if (this.#unackedFrames >= grant.frames || this.#unackedBytes + bytes > grant.bytes + LIMITS.frameBytes) {
      producer?.failed(seq)
      return this.#reject(seq, 'publish_window', RETRY_AFTER_MS.grant)
    }
    this.#unackedFrames++
    this.#unackedBytes += bytes
    const request: PublishRequest =
      producer === undefined
        ? { topic, events }
        : {
            topic,
            events,
            producer: { state: producer, seq, ageMs },
            content: eventsText(text),
            refusedBefore: frame.rejected && new Map(frame.rejected.map(({ index, code }) => [index, code])),
          }
    const answer = (outcome: PublishOutcome) => {
      this.#unackedFrames--
      this.#unackedBytes -= bytes
      this.#answer(seq, outcome)
    }
    this.#context.ingest.publish(request, (outcome) =>
      contained(
        this.#context.report,
        `an answer to ${this.id}`,
        (id) => this.abort(id),
        () => answer(outcome),
      ),
    )
  }

  #answer(seq: number, outcome: PublishOutcome): void {
    if (outcome.kind === 'reject') {
      const { code, retryAfterMs, message, epochs } = outcome
      return this.#reject(seq, code, retryAfterMs, message, epochs)
    }
    const { at, rejected, duplicate } = outcome
    this.#context.onFrame('ack')
    this.#send({
      type: 'ack',
      seq,
      at,
      ...(rejected.length > 0 && { rejected }),
      ...(duplicate && { duplicate }),
    })
  }

  #reject(
    seq: number,
    code: ErrorCode,
    retryAfterMs?: number,
    message: string = ERROR_CODES[code],
    epochs?: readonly LogEpoch[],
  ): void {
    this.#context.onFrame(code)
    this.#send({
      type: 'reject',
      seq,
      code,
      message,
      ...(retryAfterMs !== undefined && { retryAfterMs }),
      ...(epochs !== undefined && { epochs: epochs.map(formatLogEpoch) }),
    })
  }

  #refuse(parsed: Extract<CheckedFrame, { ok: false }>, delivery: DeliverySubscriber): void {
    const { answers, code, message } = parsed
    switch (answers.kind) {
      case 'connection':
        return this.#fail(code, CLOSE.protocol, message)
      case 'publish':
        return this.#reject(answers.seq, code, undefined, message)
      case 'command':
        return this.#send({ type: 'answer', id: answers.id, ...refuse(code, message) })
      case 'request':
        delivery.sendControl({ type: 'error', ...answers.names, code, message, retryable: false })
    }
  }

  #turnAway(retryAfterMs: number): void {
    const code = 'overloaded'
    const error: ServerFrame = { type: 'error', code, message: ERROR_CODES[code], retryable: true }
    this.#socket.send(JSON.stringify(error))
    this.#socket.close(CLOSE.overload, JSON.stringify({ retryAfterMs }))
  }

  /** The connection itself is at fault: sends the reason and closes. */
  #fail(code: ErrorCode, closeCode: CloseCode, message: string = ERROR_CODES[code]): void {
    const error: ServerFrame = { type: 'error', code, message, retryable: false }
    if (this.#state.phase === 'live') this.#state.delivery.sendControl(error)
    else this.#socket.send(JSON.stringify(error))
    this.#socket.close(closeCode, code)
  }

  #send(frame: ServerFrame): void {
    if (this.#state.phase === 'live') this.#state.delivery.sendControl(frame)
  }
}
