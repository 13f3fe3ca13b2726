import { missingHeapOptions } from '../heap-options.ts'
import { endWithoutSecrets } from './last-words.ts'
import { startWithParent } from './processes/process-life.ts'
import { runAgainWith } from './run-again.ts'

/** Commands whose processes take load. */
const UNDER_LOAD = new Set(['gateway', 'worker'])

startWithParent()
endWithoutSecrets()
// Not exitCode: a start that failed half way may hold connections that would keep the process alive.
process.exit(await run(process.argv.slice(2)))

async function run(args: string[]): Promise<number> {
  const missing = missingHeapOptions(process.execArgv)
  if (UNDER_LOAD.has(args[0] ?? '') && missing.length > 0) return runAgainWith(missing)
  const { main } = await import('./main.ts')
  return main(args)
}
