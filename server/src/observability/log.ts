import { destination, type Logger, pino } from 'pino'

/** One JSON object per line on standard error: standard output belongs to the output of commands. */
export function createLog(level: string, node: string, role: string): Logger {
  return pino({ level, base: { role, node }, timestamp: () => `,"time":"${new Date().toISOString()}"` }, destination(2))
}
