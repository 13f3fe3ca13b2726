import { CLOSE, type ClientFrame, type CloseCode, type ErrorCode, LIMITS, PROTOCOL_VERSION } from '@tidegate/protocol'
import { type Access, type Caller, type Credentials, limitName, type Refusal } from '../access/index.ts'
import type { ClientLimits } from '../limits/index.ts'
import { RETRY_AFTER_MS } from '../retry-after.ts'
import type { Admission } from './admission.ts'
import { type CheckedFrame, parseClientFrame } from './client-frame.ts'
import { type FrameVerdict, keptFrame, type ReceivedFrame } from './connection-limits.ts'
import { tokenCredentials } from './credentials.ts'

/**
 * A client is greeted within so many ticks. Counting them measures time in which this process has worked: what hangs is not
 * the client.
 */
export const HELLO_TICKS = 5

/** Who has connected, as far as that is known before `hello`. */
export interface ConnectedClient {
  /** Closed with the connection. */
  readonly limits: ClientLimits
  /** For people. */
  readonly address: string
  /** What the handshake showed. */
  readonly ambient: Credentials
}

export interface GreetingContext {
  readonly access: Pick<Access, 'authenticate'>
  readonly admission: Admission
}

/** The connection whose client is greeted. */
export interface Greeter {
  /** Takes up who the client is, unless it has left meanwhile. */
  whenKnown(found: Promise<Caller | Refusal>, then: (result: Caller | Refusal) => void): void
  /** @param waiting what the client sent before it was known who it is */
  greet(hello: HelloFrame, caller: Caller, waiting: readonly ReceivedFrame[]): void
  turnAway(code: 'overloaded' | 'rate_limited' | 'unavailable', retryAfterMs: number | undefined): void
  fail(code: ErrorCode, closeCode: CloseCode, message?: string): void
  close(code: CloseCode, reason: string): void
}

export type HelloFrame = Extract<ClientFrame, { type: 'hello' }>

/** A client until it is greeted: `hello`, and who it is. What it sends meanwhile waits. */
export class Greeting {
  readonly #context: GreetingContext
  readonly #limits: ClientLimits
  readonly #address: string
  readonly #ambient: Credentials
  readonly #greeter: Greeter
  #ticks = 0
  /** From `hello` on. */
  #waiting: ReceivedFrame[] | undefined

  constructor(context: GreetingContext, { limits, address, ambient }: ConnectedClient, greeter: Greeter) {
    this.#context = context
    this.#limits = limits
    this.#address = address
    this.#ambient = ambient
    this.#greeter = greeter
  }

  read({ content, bytes }: ReceivedFrame, verdict: Exclude<FrameVerdict, { kind: 'close' }>): void {
    if (this.#waiting !== undefined) this.#keep(this.#waiting, keptFrame({ content, bytes, verdict }))
    else if (verdict.kind === 'refuse') this.#greeter.turnAway('rate_limited', verdict.refusal.retryAfterMs)
    else this.#hello(parseClientFrame(content.toString('utf8')))
  }

  tick(): void {
    if (++this.#ticks <= HELLO_TICKS) return
    if (this.#waiting === undefined) this.#greeter.close(CLOSE.idle, 'no hello')
    else this.#greeter.turnAway('unavailable', RETRY_AFTER_MS.query)
  }

  #hello(parsed: CheckedFrame): void {
    if (!parsed.ok) {
      if (parsed.code === 'protocol_error') this.#greeter.fail(parsed.code, CLOSE.protocol, parsed.message)
      else this.#greeter.fail('hello_expected', CLOSE.helloExpected, parsed.message)
      return
    }
    const { frame } = parsed
    if (frame.type !== 'hello') return this.#greeter.fail('hello_expected', CLOSE.helloExpected)
    if (frame.protocol !== PROTOCOL_VERSION) return this.#greeter.fail('version_unsupported', CLOSE.version)
    const retryAfterMs = this.#context.admission.connection(frame.returning === true)
    if (retryAfterMs !== undefined) return this.#greeter.turnAway('overloaded', retryAfterMs)
    const admitted = this.#context.access.authenticate(tokenCredentials(frame.token, this.#ambient), this.#address)
    if (!(admitted instanceof Promise)) return this.#admit(frame, admitted, [])
    const waiting: ReceivedFrame[] = []
    this.#waiting = waiting
    this.#greeter.whenKnown(admitted, (result) => this.#admit(frame, result, waiting))
  }

  /** Keeps what came before it is known who sent it: one frame's worth at most. */
  #keep(waiting: ReceivedFrame[], frame: ReceivedFrame): void {
    const kept = waiting.reduce((sum, { bytes }) => sum + bytes, frame.bytes)
    if (kept > LIMITS.frameBytes)
      return this.#greeter.fail('protocol_error', CLOSE.protocol, 'Too much before `welcome`.')
    const full = this.#limits.hold('bodyBytes', frame.bytes)
    if (full !== undefined) return this.#greeter.turnAway('overloaded', full.retryAfterMs)
    waiting.push(frame)
  }

  #admit(hello: HelloFrame, result: Caller | Refusal, waiting: readonly ReceivedFrame[]): void {
    if (result.kind === 'refused') return this.#shutOut(result)
    const over = this.#limits.identify(limitName(result)) ?? (hello.producer && this.#limits.producer())
    if (over) return this.#greeter.turnAway('rate_limited', over.retryAfterMs)
    for (const { bytes } of waiting) this.#limits.release('bodyBytes', bytes)
    this.#greeter.greet(hello, result, waiting)
  }

  #shutOut({ code, message }: Refusal): void {
    if (code === 'unavailable') this.#greeter.turnAway(code, RETRY_AFTER_MS.query)
    else this.#greeter.fail(code, CLOSE.unauthorized, message)
  }
}
