import type { ClientFrame, ServerFrame } from '@tidegate/protocol'
import type { Rights } from '../access/index.ts'
import type { ClientLimits, Refusal } from '../limits/index.ts'
import { describeDefect, type ReportDefect } from '../observability/defects.ts'
import { answerQuery, type Queries } from '../queries/index.ts'

type QueryFrame = Extract<ClientFrame, { type: 'query' }>

/** The queries of one connection that are without an answer: each gets one. */
export class ConnectionQueries {
  readonly #queries: Queries
  readonly #limits: ClientLimits
  readonly #report: ReportDefect
  readonly #send: (frame: ServerFrame) => void

  /** @param send MUST NOT throw */
  constructor(queries: Queries, limits: ClientLimits, report: ReportDefect, send: (frame: ServerFrame) => void) {
    this.#queries = queries
    this.#limits = limits
    this.#report = report
    this.#send = send
  }

  /** @param bytes of the frame: what is asked may be as long as that, and waits for its turn @returns why it is not taken */
  take(frame: QueryFrame, bytes: number, rights: Rights): Refusal | undefined {
    const tooMany = this.#limits.hold('queries', 1)
    if (tooMany !== undefined) return tooMany
    const full = this.#limits.hold('bodyBytes', bytes)
    if (full !== undefined) {
      this.#limits.release('queries', 1)
      return full
    }
    void this.#answer(frame, rights).finally(() => {
      this.#limits.release('queries', 1)
      this.#limits.release('bodyBytes', bytes)
    })
    return undefined
  }

  async #answer({ id, name, params = {} }: QueryFrame, rights: Rights): Promise<void> {
    try {
      const answer = await answerQuery(this.#queries.of(rights, this.#limits), name, params)
      if (answer.type === 'error') this.#send({ ...answer, id })
      else await this.#queries.inTurn(this.#limits, () => this.#send({ ...answer, id }))
    } catch (error) {
      const message = describeDefect(this.#report(`query ${name}`, error))
      this.#send({ type: 'error', id, code: 'internal', message, retryable: false })
    }
  }
}
