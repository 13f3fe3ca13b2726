import {
  CLOSE,
  type ClientFrame,
  type CloseCode,
  DEFAULTS,
  ERROR_CODES,
  type ErrorCode,
  formatLogEpoch,
  LIMITS,
  NEW_SEQUENCE,
  PROTOCOL_VERSION,
  parseLogEpoch,
  RETRYABLE,
  type ServerFrame,
} from '@tidegate/protocol'
import { utf8Bytes } from '../utf8-bytes.ts'
import { readClientFrame } from './client-frame.ts'
import { Delivery } from './delivery.ts'
import type { Peer, ServerSocket } from './server-socket.ts'
import type { World } from './test-world.ts'

type FrameOf<Type extends ClientFrame['type']> = Extract<ClientFrame, { type: Type }>

/** Who is connected. */
export interface ConnectedClient {
  /** `hello.client`. */
  readonly client: string
  readonly producer: string | undefined
  readonly token: string | undefined
}

interface Live extends ConnectedClient {
  readonly session: number
  readonly sequence: string
  readonly delivery: Delivery
  /** Partition -> the epoch under which the client was acknowledged last. */
  readonly epochs: Map<number, string>
  /** Refused frames that have to come before later ones. */
  readonly failed: Set<number>
}

/** How long a frame waits whose predecessors must come first. */
const RETRY_MS = 10
const HELLO_MS = 5_000

/** One connection of a client to a test server: answers its frames as a gateway does. */
export class TestConnection implements Peer {
  readonly #world: World<TestConnection>
  readonly #socket: ServerSocket
  readonly #name: string
  #live: Live | undefined
  #isClosed = false
  #heardAt: number
  /** Publishes or sends commands: it hears of epochs. */
  #stores = false
  #cancelTick: () => void
  #isFlushDue = false

  constructor(world: World<TestConnection>, socket: ServerSocket, name: string) {
    this.#world = world
    this.#socket = socket
    this.#name = name
    this.#heardAt = world.clock.now()
    this.#cancelTick = world.clock.after(HELLO_MS, () => this.close(CLOSE.idle, 'no hello'))
  }

  /** `undefined` before it was greeted. */
  get client(): ConnectedClient | undefined {
    if (this.#live === undefined) return undefined
    const { client, producer, token } = this.#live
    return { client, producer, token }
  }

  get delivery(): Delivery | undefined {
    return this.#live?.delivery
  }

  message(source: string): void {
    if (this.#isClosed) return
    this.#heardAt = this.#world.clock.now()
    if (utf8Bytes(source) > LIMITS.frameBytes) return this.#fail('frame_too_large', CLOSE.frameTooLarge)
    const read = readClientFrame(source)
    if (this.#live === undefined) {
      if (read.kind === 'refused' && read.code === 'protocol_error')
        return this.#fail(read.code, CLOSE.protocol, read.message)
      if (read.kind === 'refused' || read.frame.type !== 'hello')
        return this.#fail('hello_expected', CLOSE.helloExpected)
      return this.#hello(read.frame)
    }
    if (read.kind === 'frame') return this.#handle(read.frame, this.#live)
    const { code, message, answers } = read
    if (answers === undefined) return this.#fail(code, CLOSE.protocol, message)
    const { seq, command, ...names } = answers
    if (seq !== undefined) this.#send({ type: 'reject', seq: seq as number, code, message })
    else if (command !== undefined)
      this.#send({ type: 'answer', id: command as string, status: 'rejected', code, message })
    else this.#send({ type: 'error', ...names, code, message, retryable: false })
  }

  closed(): void {
    this.#isClosed = true
    this.#live = undefined
    this.#cancelTick()
    this.#world.left(this)
  }

  close(code: number, reason: string): void {
    if (this.#isClosed) return
    this.closed()
    this.#socket.end(code, reason)
  }

  /** The token of the client does not count any more. */
  revoke(): void {
    this.#fail('unauthorized', CLOSE.unauthorized)
  }

  epochsChanged(partitions: readonly number[]): void {
    const at = partitions.map((partition) => formatLogEpoch({ partition, epoch: this.#world.log.epochOf(partition) }))
    if (this.#stores && at.length > 0) this.#send({ type: 'epoch', at })
  }

  /** Something was stored: whatever is due leaves at the end of the turn. */
  wake(): void {
    if (this.#isFlushDue || this.#live === undefined) return
    this.#isFlushDue = true
    queueMicrotask(() => {
      this.#isFlushDue = false
      this.#live?.delivery.flush(this.#world.isHeld)
    })
  }

  #hello(frame: FrameOf<'hello'>): void {
    const { client, producer, token, session = 0, epochs = [], windowBytes } = frame
    if (frame.protocol !== PROTOCOL_VERSION) return this.#fail('version_unsupported', CLOSE.version)
    const expiry = this.#authenticate(token)
    if (expiry === undefined) return this.#fail('unauthorized', CLOSE.unauthorized)
    const { clock, log, producers, contract, maxWaiting } = this.#world
    const sequence = frame.sequence === NEW_SEQUENCE ? producers.newSequence() : frame.sequence
    const window = windowBytes && Math.min(LIMITS.maxWindowBytes, Math.max(LIMITS.minWindowBytes, windowBytes))
    this.#live = {
      ...{ client, producer, token, session, sequence: sequence ?? '' },
      delivery: new Delivery(window, maxWaiting, (sent) => this.#send(sent)),
      epochs: new Map(epochs.map((text) => parseLogEpoch(text)!).map(({ partition, epoch }) => [partition, epoch])),
      failed: new Set(),
    }
    this.#stores = epochs.length > 0
    this.#send({
      ...{ type: 'welcome', protocol: PROTOCOL_VERSION, session: this.#name, node: 'test', contract },
      time: clock.now(),
      publish: { frames: DEFAULTS.publishFrames, bytes: DEFAULTS.publishBytes },
      limits: { frameBytes: LIMITS.frameBytes, frameEvents: LIMITS.frameEvents },
      pingMs: DEFAULTS.pingMs,
      ...(sequence !== undefined && { sequence }),
      ...expiry,
    })
    this.#cancelTick()
    this.#tickLater()
    const changed = [...this.#live.epochs].filter(([partition, epoch]) => log.epochOf(partition) !== epoch)
    this.epochsChanged(changed.map(([partition]) => partition))
  }

  #authenticate(token: string | undefined): { readonly expiresInMs?: number } | undefined {
    return this.#world.authenticate === undefined ? {} : this.#world.authenticate(token)
  }

  #tickLater(): void {
    this.#cancelTick = this.#world.clock.after(DEFAULTS.pingMs, () => {
      const now = this.#world.clock.now()
      if (now - this.#heardAt > 2 * DEFAULTS.pingMs) return this.close(CLOSE.idle, 'silent for two pings')
      this.#live?.delivery.progress()
      this.#send({ type: 'ping', time: now })
      this.#tickLater()
    })
  }

  #handle(frame: ClientFrame, live: Live): void {
    switch (frame.type) {
      case 'hello':
        return this.#fail('protocol_error', CLOSE.protocol, 'hello was already said.')
      case 'publish':
        this.#stores = true
        return this.#publish(frame, live)
      case 'subscribe':
        this.#subscribe(frame, live)
        return this.wake()
      case 'unsubscribe':
        if (live.delivery.subscriptions.delete(frame.sub))
          this.#send({ type: 'unsubscribed', sub: frame.sub, code: 'ok' })
        else this.#refuse({ sub: frame.sub }, 'unknown_subscription')
        return
      case 'credit':
        live.delivery.credited(frame)
        return this.wake()
      case 'token': {
        const expiry = this.#authenticate(frame.token)
        if (expiry === undefined) this.#fail('unauthorized', CLOSE.unauthorized)
        else this.#send({ type: 'authorized', ...expiry })
        return
      }
      case 'pong':
        return
      case 'query': {
        const subscription = live.delivery.subscriptions.get(frame.params?.sub as number)
        const answer = this.#world.query(frame.name, frame.params ?? {}, subscription)
        if ('code' in answer) this.#refuse({ id: frame.id }, answer.code, answer.message)
        else this.#send({ type: 'result', id: frame.id, ...answer })
        return
      }
      case 'command':
        this.#stores = true
        return this.#send({ type: 'answer', id: frame.id, ...this.#world.command(frame) })
    }
  }

  #publish(frame: FrameOf<'publish'>, { producer, session, sequence, epochs, failed }: Live): void {
    const { seq } = frame
    const reject = (code: ErrorCode, more: { retryAfterMs?: number; epochs?: string[] } = {}) => {
      if (more.retryAfterMs !== undefined) failed.add(seq)
      this.#send({ type: 'reject', seq, code, message: ERROR_CODES[code], ...more })
    }
    if ([...failed].some((earlier) => earlier < seq)) return reject('out_of_order', { retryAfterMs: RETRY_MS })
    failed.delete(seq)
    const claim = producer === undefined ? undefined : { producer, session, sequence }
    const outcome = this.#world.publish(frame, claim, epochs)
    switch (outcome.kind) {
      case 'refused':
        return reject(outcome.code)
      case 'epoch_changed': {
        const names = outcome.partitions.map((partition) => ({ partition, epoch: this.#world.log.epochOf(partition) }))
        for (const { partition, epoch } of names) epochs.set(partition, epoch)
        return reject('epoch_changed', { retryAfterMs: RETRY_MS, epochs: names.map(formatLogEpoch) })
      }
      case 'stored': {
        const { at, rejected, isDuplicate } = outcome
        const refused = rejected.length > 0 && { rejected }
        return this.#send({ type: 'ack', seq, at, ...refused, ...(isDuplicate && { duplicate: true }) })
      }
    }
  }

  #subscribe(frame: FrameOf<'subscribe'>, { delivery }: Live): void {
    const open = delivery.subscriptions.get(frame.sub)
    if (open !== undefined && open.selector === frame.topic && frame.from === undefined) {
      const filter = this.#world.filter(frame)
      if (filter.kind === 'refused') return this.#refuse({ sub: frame.sub }, filter.code, filter.message)
      return this.#send(open.change(frame, filter.filter))
    }
    if (open === undefined && delivery.subscriptions.size >= LIMITS.subscriptions)
      return this.#refuse({ sub: frame.sub }, 'too_many_subscriptions')
    const opened = this.#world.subscribe(frame)
    if (opened.kind === 'refused') return this.#refuse({ sub: frame.sub }, opened.code, opened.message)
    delivery.subscribed(opened.subscription)
    this.#send(opened.subscription.start())
  }

  #refuse(names: { readonly sub?: number; readonly id?: number }, code: ErrorCode, message?: string): void {
    const retryable = RETRYABLE.has(code)
    this.#send({ type: 'error', ...names, code, message: message ?? ERROR_CODES[code], retryable })
  }

  #fail(code: ErrorCode, closeCode: CloseCode, message: string = ERROR_CODES[code]): void {
    this.#send({ type: 'error', code, message, retryable: false })
    this.close(closeCode, code)
  }

  #send(frame: ServerFrame): void {
    if (this.#isClosed) return
    const text = JSON.stringify(frame)
    this.#live?.delivery.wrote(utf8Bytes(text))
    this.#socket.deliver(text)
  }
}
