import { randomBytes } from 'node:crypto'

/** Something was thrown that no code foresaw. */
export interface Defect {
  /** Told to the client and written to the log, so that one finds the other. */
  readonly id: string
  /** Which entry of the process it came to. */
  readonly where: string
  readonly error: unknown
}

/** Notes a defect and returns its id. MUST NOT throw. */
export type ReportDefect = (where: string, error: unknown) => string

export function createReport(onDefect: (defect: Defect) => void): ReportDefect {
  return (where, error) => {
    const id = randomBytes(4).toString('hex')
    onDefect({ id, where, error })
    return id
  }
}

/** What a client reads of a defect. The cause may hold what is none of its business. */
export function describeDefect(id: string): string {
  return `A defect of the server. Its log has the cause under ${id}.`
}
