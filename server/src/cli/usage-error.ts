import { type ParseArgsConfig, parseArgs } from 'node:util'
import { withoutCredentials } from './printable.ts'

/** The command line cannot be understood. The usage of the command is printed after the message. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

type Options = NonNullable<ParseArgsConfig['options']>

/**
 * Options of a command without other arguments.
 *
 * @throws {UsageError}
 */
export function parseOptions<const T extends Options>(args: string[], options: T) {
  try {
    return parseArgs({ args, options }).values
  } catch (cause) {
    throw new UsageError(withoutCredentials((cause as Error).message))
  }
}
