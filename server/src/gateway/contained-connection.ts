import { contained } from '../observability/contained.ts'
import type { ReportDefect } from '../observability/defects.ts'
import type { Connection } from './connection.ts'
import type { SocketHandler } from './transport/transport.ts'

/** A connection whose defects end it alone. There are many, and most of them idle: it holds no closures. */
export class ContainedConnection implements SocketHandler {
  readonly #connection: Connection
  readonly #report: ReportDefect

  constructor(connection: Connection, report: ReportDefect) {
    this.#connection = connection
    this.#report = report
  }

  message(frame: Buffer, isText: boolean): void {
    this.#contained('message', (connection) => connection.message(frame, isText))
  }

  drained(): void {
    this.#contained('drained', (connection) => connection.drained())
  }

  closed(): void {
    this.#contained('closed', (connection) => connection.closed())
  }

  #contained(where: string, action: (connection: Connection) => void): void {
    const connection = this.#connection
    contained(
      this.#report,
      `${where} of ${connection.id}`,
      (id) => connection.abort(id),
      () => action(connection),
    )
  }
}
