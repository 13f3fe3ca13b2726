import type { ReportDefect } from './defects.ts'

/**
 * The boundary of everything that is done for one client: whatever is thrown ends that client's request or connection, told
 * why by the id of the defect, and nothing else.
 *
 * @param end what it costs the client
 */
export function contained(report: ReportDefect, where: string, end: (id: string) => void, action: () => void): void {
  try {
    action()
  } catch (error) {
    const id = report(where, error)
    try {
      end(id)
    } catch (again) {
      report(`${where}, ending it after ${id}`, again)
    }
  }
}
