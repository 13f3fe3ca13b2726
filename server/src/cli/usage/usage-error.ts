import { type ParseArgsConfig, parseArgs } from 'node:util'
import { didYouMean } from '@tidegate/protocol'
import { printable } from '../terminal/printable.ts'

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
  return parsed({ args, options }).values
}

/** The same of one with other arguments. @throws {UsageError} */
export function parseArguments<const T extends Options>(args: string[], options: T) {
  return parsed({ args, options, allowPositionals: true })
}

function parsed<const T extends ParseArgsConfig>(config: T) {
  try {
    return parseArgs(config)
  } catch (cause) {
    throw new UsageError(explained(cause as Error, Object.keys(config.options ?? {})))
  }
}

const UNKNOWN_OPTION = /^Unknown option '(--[^']*)'/

/** Node's advice on an unknown option is how to pass it as an argument, which nobody meant. */
function explained({ message }: Error, options: readonly string[]): string {
  const [said, typed] = UNKNOWN_OPTION.exec(message) ?? []
  if (typed === undefined) return message
  return `${said}.${didYouMean(
    typed,
    options.map((option) => `--${option}`),
  )}`
}

/** @param use throws a RangeError for arguments that it does not accept @throws {UsageError} in its place */
export async function understood<T>(use: () => Promise<T>): Promise<T> {
  try {
    return await use()
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause
    throw new UsageError(printable(cause.message), { cause })
  }
}
