import { type AbortSignal, abortable } from '../application/abort-signal.ts'
import { resendDelayMs } from '../backoff.ts'
import type { Link } from '../connection/connection.ts'
import { QUERY_ERRORS } from '../errors/error-codes.ts'
import { passingError, TidegateError } from '../errors/errors.ts'
import { has, isAbsentOr, isNumber, isText } from '../frames/checks.ts'
import type { FrameChecks, FrameHandlers, FrameOf, Part } from '../frames/part.ts'

type Params = Readonly<Record<string, unknown>>

/** One page of a query's result. */
export interface QueryPage {
  readonly data: unknown
  /** Of `history`: false when something between `after` and the end of this page is no longer in the log. */
  readonly complete: boolean | undefined
  /** The `after` of the next page; `undefined` at the end. */
  readonly next: string | undefined
}

interface Pending {
  readonly name: string
  readonly params: Params
  readonly deadline: ReturnType<typeof setTimeout>
  readonly deadlineAt: number
  /** Refusals for now in a row. */
  refusals: number
  retryTimer: ReturnType<typeof setTimeout> | undefined
  resolve(answer: QueryPage): void
  reject(error: TidegateError): void
}

/** A page that shows nothing for longer should show an error. */
export const QUERY_DEADLINE_MS = 10_000

export const QUERY_CHECKS: FrameChecks = { result: has({ id: isNumber, next: isAbsentOr(isText) }) }

/** Unanswered queries. They only read, so they are sent again after a lost connection. */
export class Queries implements Part {
  readonly checks = QUERY_CHECKS
  readonly frames: FrameHandlers = {
    result: ({ id, data, complete, next }) => this.#finish(id, ({ resolve }) => resolve({ data, complete, next })),
    error: (frame) => this.#failed(frame),
  }
  readonly #link: Link
  readonly #pending = new Map<number, Pending>()
  #nextId = 1

  constructor(link: Link) {
    this.#link = link
  }

  ask(name: string, params: Params, signal?: AbortSignal): Promise<QueryPage> {
    const id = this.#nextId++
    const answer = new Promise<QueryPage>((resolve, reject) => {
      const deadline = setTimeout(
        () => this.#finish(id, () => reject(passingError(QUERY_ERRORS, 'no_answer'))),
        QUERY_DEADLINE_MS,
      )
      const deadlineAt = performance.now() + QUERY_DEADLINE_MS
      this.#pending.set(id, { name, params, deadline, deadlineAt, refusals: 0, retryTimer: undefined, resolve, reject })
      this.#send(id)
    })
    return abortable(signal, answer, () => this.#finish(id, () => {}))
  }

  online(): void {
    for (const id of this.#pending.keys()) this.#send(id)
  }

  end(reason: TidegateError): void {
    for (const id of [...this.#pending.keys()]) this.#finish(id, ({ reject }) => reject(reason))
  }

  #failed({ id, code, message, retryAfterMs }: FrameOf<'error'>): void {
    if (id === undefined) return
    const pending = this.#pending.get(id)
    if (pending !== undefined && retryAfterMs !== undefined) {
      const delayMs = resendDelayMs(retryAfterMs, pending.refusals++, Math.random())
      if (performance.now() + delayMs < pending.deadlineAt) {
        pending.retryTimer = setTimeout(() => this.#send(id), delayMs)
        return
      }
    }
    this.#finish(id, ({ reject }) => reject(new TidegateError(code, message)))
  }

  /** Without a connection it is sent on the next one. */
  #send(id: number): void {
    const pending = this.#pending.get(id)
    if (pending === undefined || !this.#link.isOnline) return
    const { name, params } = pending
    clearTimeout(pending.retryTimer)
    this.#link.send({ type: 'query', id, name, params })
  }

  #finish(id: number, answer: (pending: Pending) => void): void {
    const pending = this.#pending.get(id)
    if (pending === undefined) return
    this.#pending.delete(id)
    clearTimeout(pending.deadline)
    clearTimeout(pending.retryTimer)
    answer(pending)
  }
}
