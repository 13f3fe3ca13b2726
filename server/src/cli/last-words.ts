import { inspect } from 'node:util'
import { shownError } from '../observability/shown-error.ts'
import { withoutSecrets } from '../secrets.ts'

/**
 * An error that nobody caught ends the process, as it does by default. Node would print every property of it, and with
 * them what a library keeps there.
 */
export function endWithoutSecrets(): void {
  const end = (error: unknown) => {
    process.stderr.write(withoutSecrets(`${inspect(shownError(error), { depth: null })}\n`))
    process.exit(1)
  }
  process.on('uncaughtException', end)
  process.on('unhandledRejection', end)
}
