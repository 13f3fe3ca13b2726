import type { ServerFrame } from '@tidegate/protocol'
import type { Link } from './connection.ts'
import { clientError, TidegateError } from './errors.ts'

type Result = Extract<ServerFrame, { type: 'result' }>
type QueryError = Extract<ServerFrame, { type: 'error' }> & { readonly id: number }
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
  resolve(answer: QueryPage): void
  reject(error: TidegateError): void
}

/** A page that shows nothing for longer should show an error. */
export const QUERY_DEADLINE_MS = 10_000

/** Unanswered queries. They only read, so they are sent again after a lost connection. */
export class Queries {
  readonly #link: Link
  readonly #pending = new Map<number, Pending>()
  #nextId = 1

  constructor(link: Link) {
    this.#link = link
  }

  ask(name: string, params: Params): Promise<QueryPage> {
    const id = this.#nextId++
    return new Promise((resolve, reject) => {
      const deadline = setTimeout(() => this.#finish(id, () => reject(clientError('no_answer'))), QUERY_DEADLINE_MS)
      this.#pending.set(id, { name, params, deadline, resolve, reject })
      if (this.#link.isOnline) this.#send(id, name, params)
    })
  }

  online(): void {
    for (const [id, { name, params }] of this.#pending) this.#send(id, name, params)
  }

  answered({ id, data, complete, next }: Result): void {
    this.#finish(id, ({ resolve }) => resolve({ data, complete, next }))
  }

  failed({ id, code, message }: QueryError): void {
    this.#finish(id, ({ reject }) => reject(new TidegateError(code, message)))
  }

  end(reason: TidegateError): void {
    for (const id of [...this.#pending.keys()]) this.#finish(id, ({ reject }) => reject(reason))
  }

  #send(id: number, name: string, params: Params): void {
    this.#link.send({ type: 'query', id, name, params })
  }

  #finish(id: number, answer: (pending: Pending) => void): void {
    const pending = this.#pending.get(id)
    if (pending === undefined) return
    this.#pending.delete(id)
    clearTimeout(pending.deadline)
    answer(pending)
  }
}
