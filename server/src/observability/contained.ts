import type { ReportDefect } from './defects.ts'

/**
 * The boundary around all work for one client: an error ends only that client's request or connection, which gets the
 * id of the defect.
 *
 * @param end ends the client's request or connection
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
