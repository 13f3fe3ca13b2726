import { destination, type Logger, pino } from 'pino'
import { withoutSecrets } from '../secrets.ts'
import { shownError } from './shown-error.ts'

/**
 * One JSON object per line on standard error: standard output belongs to the output of commands.
 *
 * @param stream in its place, for tests.
 */
export function createLog(
  level: string,
  node: string,
  role: string,
  stream: { write(line: string): unknown } = destination(2),
): Logger {
  return pino(
    {
      level,
      base: { role, node },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      serializers: { err: shownError },
      hooks: { streamWrite: lineWithoutSecrets },
    },
    stream as { write(line: string): void },
  )
}

/** Text by text: replaced in the line as a whole, a secret could take a quote with it. */
function lineWithoutSecrets(line: string): string {
  const shown = JSON.parse(line, (_, value: unknown) => (typeof value === 'string' ? withoutSecrets(value) : value))
  return `${JSON.stringify(shown)}\n`
}
