import { randomBytes } from 'node:crypto'

/** An error that no code foresaw. */
export interface Defect {
  /** Sent to the client and written to the log, so that one leads to the other. */
  readonly id: string
  /** The entry of the process that failed. */
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

/** How long the same defect has the same id. */
const SAME_DEFECT_MS = 60_000

/**
 * For errors that every call may end with, hundreds of times a second: the same error is not reported again for a
 * minute.
 */
export function withoutRepeats(report: ReportDefect, monotonic: () => number = () => performance.now()): ReportDefect {
  let last: { readonly name: string; readonly id: string; readonly at: number } | undefined
  return (where, error) => {
    const name = `${where}: ${error}`
    const now = monotonic()
    if (last?.name !== name || now - last.at >= SAME_DEFECT_MS) last = { name, id: report(where, error), at: now }
    return last.id
  }
}

/** The text about a defect that a client may read. The cause may hold data that it may not. */
export function describeDefect(id: string): string {
  return `A defect of the server. Its log has the cause under ${id}.`
}
