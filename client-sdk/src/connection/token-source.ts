import { TOKEN_CHARS } from '@tidegate/protocol'
import type { AbortSignal } from '../application/abort-signal.ts'
import { clientError, type TidegateError } from '../errors/errors.ts'
import type { TokenEvent } from './machine/event.ts'
import type { TokenReason } from './machine/token-state.ts'

/** Why a token is asked for. */
export interface TokenContext {
  /** For the first connection, before the present token expires, or because the gateway refused it. */
  readonly reason: TokenReason
  /** 1, and one more with every call until a gateway has taken a token. */
  readonly attempt: number
  /** Aborted when nobody waits for the answer any more: after 10 s, or when the client is closed. */
  readonly signal: AbortSignal
}

/** A JSON Web Token or an API key, or a function that gives one whenever it is asked. */
export type TokenOption = string | ((context: TokenContext) => string | Promise<string>)

/** Until there is a token there is no connection, or the present one is about to end. */
const TOKEN_DEADLINE_MS = 10_000

interface Call {
  readonly controller: AbortController
  readonly deadline: ReturnType<typeof setTimeout>
}

/** Keeps the token, and asks the application for another one: once for everybody who needs it. */
export class TokenSource {
  readonly #option: TokenOption | undefined
  readonly #tell: (event: TokenEvent) => void
  readonly #fail: (error: TidegateError) => void
  #token: string | undefined
  /** Under way. */
  #call: Call | undefined

  /**
   * @param tell gets the end of every call @param fail gets the error of a call that gave no token
   * @throws TidegateError `invalid_token`
   */
  constructor(
    option: TokenOption | undefined,
    tell: (event: TokenEvent) => void,
    fail: (error: TidegateError) => void,
  ) {
    if (option !== undefined && typeof option !== 'function') this.#token = checked(option)
    this.#option = option
    this.#tell = tell
    this.#fail = fail
  }

  /** Whether there will be no other one. */
  get isFixed(): boolean {
    return typeof this.#option !== 'function'
  }

  /** The newest one. */
  get token(): string | undefined {
    return this.#token
  }

  ask(asked: Omit<TokenContext, 'signal'>): void {
    const option = this.#option
    if (typeof option !== 'function' || this.#call !== undefined) return
    const controller = new AbortController()
    const deadline = setTimeout(() => {
      controller.abort()
      this.#end(call, undefined, 'silent for 10 s')
    }, TOKEN_DEADLINE_MS)
    const call = { controller, deadline }
    this.#call = call
    // Later: the function may use the client, which is still being created.
    Promise.resolve()
      .then(() => option({ ...asked, signal: controller.signal }))
      .then(checked)
      .then(
        (token) => this.#end(call, token),
        (cause: unknown) => this.#end(call, undefined, String(cause), cause),
      )
  }

  /** Gives up the call under way. Idempotent. */
  close(): void {
    clearTimeout(this.#call?.deadline)
    this.#call?.controller.abort()
    this.#call = undefined
  }

  /** @param token if it gave one @param why it gave none @param cause what it has thrown */
  #end(call: Call, token: string | undefined, why?: string, cause?: unknown): void {
    if (this.#call !== call) return
    clearTimeout(call.deadline)
    this.#call = undefined
    if (token === undefined) this.#fail(clientError('no_token', { cause }, why))
    else this.#token = token
    this.#tell({ from: 'token', kind: token === undefined ? 'token_failed' : 'token_ready' })
  }
}

/** A gateway would end the connection for good. The error MUST NOT show the text. @throws TidegateError `invalid_token` */
function checked(token: unknown): string {
  if (typeof token === 'string' && token.length <= TOKEN_CHARS && /^[!-~]+$/.test(token)) return token
  throw clientError('invalid_token')
}
