import { basename } from 'node:path'

const PLACE = /([^\s()]+):(\d+):\d+\)?$/

/** File and line from which a function was called, such as `tidegate.config.ts:12`. */
export function callPlace(called: (...values: never[]) => unknown): string | undefined {
  const trace: { stack?: string } = {}
  Error.captureStackTrace(trace, called)
  const [, file, line] = PLACE.exec(trace.stack?.split('\n')[1] ?? '') ?? []
  return file === undefined ? undefined : `${basename(file.replace(/[?#].*$/, ''))}:${line}`
}
