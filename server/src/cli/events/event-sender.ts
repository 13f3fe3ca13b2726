import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { RejectedEvent } from '@tidegate/protocol'
import { isRecord } from '../../json-fields.ts'

/** A batch that is not stored by then is given up. */
const GIVE_UP_MS = 60_000
/** Waits of this length are not worth a word. */
const SILENT_MS = 1_000
const LEAST_WAIT_MS = 50
const MOST_WAIT_MS = 2_000
/** A request that is not answered by then is sent again. */
const ANSWER_MS = 10_000
/** The connection was open: the request may have arrived, and its answer was lost. */
const MAY_HAVE_ARRIVED = new Set<unknown>(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'])

/** Requests to a gateway over HTTP. A batch that may have been stored is sent again under the same `Idempotency-Key`. */
export class EventSender {
  readonly #url: string
  readonly #headers: Readonly<Record<string, string>>
  readonly #onWait: (why: string, seconds: number) => void
  readonly #run = randomUUID()
  #batches = 0
  /** Until then a gateway that is not there is a wrong address, and not a restart. */
  #wasThere = false

  /** @param onWait called when a request has to be sent again, and for how long that is tried, s */
  constructor(url: string, token: string | undefined, onWait: (why: string, seconds: number) => void) {
    this.#url = url.replace(/\/$/, '')
    this.#onWait = onWait
    this.#headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  }

  /** The field that holds the key of a topic. @throws Error */
  async keyField(topic: string): Promise<string> {
    const { topics } = await this.#asked('/v1/topics', {})
    const found = Array.isArray(topics) ? topics.filter(isRecord).find(({ name }) => name === topic) : undefined
    if (found === undefined) throw new Error(`there is no topic ${topic} here. See: GET /v1/topics`)
    if (typeof found.key !== 'string') throw new Error(`${topic} cannot be published: it is computed from other topics`)
    return found.key
  }

  /** @returns the events that were refused; all others are stored. @throws Error if nothing was stored, or that is not known */
  async send(topic: string, batch: readonly unknown[]): Promise<readonly RejectedEvent[]> {
    const answer = await this.#asked('/v1/events', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': `${this.#run}:${this.#batches++}` },
      body: JSON.stringify(batch.map((data) => ({ topic, data }))),
    })
    return answer.rejected as RejectedEvent[]
  }

  async #asked(path: string, init: RequestInit): Promise<Readonly<Record<string, unknown>>> {
    const until = performance.now() + GIVE_UP_MS
    let waitsFor: string | undefined
    for (let waitMs = LEAST_WAIT_MS; ; waitMs = Math.min(MOST_WAIT_MS, 2 * waitMs)) {
      const outcome = await this.#attempt(path, init)
      if (outcome.kind === 'answered') return outcome.answer
      if (performance.now() >= until) throw new Error(outcome.why)
      const isLong = until - performance.now() < GIVE_UP_MS - SILENT_MS
      if (isLong && outcome.why !== waitsFor) {
        waitsFor = outcome.why
        this.#onWait(outcome.why, Math.ceil((until - performance.now()) / 1_000))
      }
      await sleep(Math.max(waitMs, outcome.retryAfterMs))
    }
  }

  async #attempt(
    path: string,
    init: RequestInit,
  ): Promise<
    | { readonly kind: 'answered'; readonly answer: Readonly<Record<string, unknown>> }
    | { readonly kind: 'again'; readonly why: string; readonly retryAfterMs: number }
  > {
    let text: string
    try {
      const response = await fetch(`${this.#url}${path}`, {
        ...init,
        headers: { ...init.headers, ...this.#headers },
        signal: AbortSignal.timeout(ANSWER_MS),
      })
      text = await response.text()
      this.#wasThere = true
    } catch (error) {
      const { name, message, cause } = error as Error & { readonly cause?: NodeJS.ErrnoException }
      const why = `the gateway at ${this.#url} does not answer: ${cause?.message || message}`
      const mayHaveArrived = name === 'TimeoutError' || MAY_HAVE_ARRIVED.has(cause?.code)
      if (!this.#wasThere && !mayHaveArrived) throw new Error(why, { cause: error })
      return { kind: 'again', why, retryAfterMs: 0 }
    }
    const answer = parsed(text)
    if (answer === undefined) throw new Error(`what answers at ${this.#url} is no gateway`)
    if (!isRecord(answer.error)) return { kind: 'answered', answer }
    const { code, message, retryAfterMs } = answer.error
    if (typeof retryAfterMs !== 'number') throw new Error(`${code}: ${message}`)
    return { kind: 'again', why: `${code}: ${message}`, retryAfterMs }
  }
}

function parsed(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}
