import { basename } from 'node:path'

const LINE = /:(\d+):\d+\)?$/

/** File and line from which a function was called, such as `tidegate.config.ts:12`. */
export function callPlace(called: (...values: never[]) => unknown): string | undefined {
  const trace: { stack?: string } = {}
  Error.captureStackTrace(trace, called)
  const frame = trace.stack?.split('\n')[1] ?? ''
  const found = LINE.exec(frame)
  if (found === null) return undefined
  const file = frame.slice(0, found.index).split(/[\s(]/).at(-1)!
  return `${basename(file.replace(/[?#].*$/, ''))}:${found[1]}`
}
