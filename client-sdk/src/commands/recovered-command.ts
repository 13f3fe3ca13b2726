import type { CommandRejected, TidegateError } from '../errors/errors.ts'
import type { UntypedAnswer } from './command-types.ts'

/**
 * A command that had its answer before Redis lost its newest data. It was sent again, and the answer that counts now is
 * another one.
 */
export interface RecoveredCommand {
  readonly commandId: string
  readonly entity: string
  readonly key: string
  readonly command: string
  /** What `command` resolved with. */
  readonly before: UntypedAnswer
  readonly now:
    | { readonly status: 'done'; readonly answer: UntypedAnswer }
    /** The entity rejects it now, or its outcome is not known. */
    | { readonly status: 'rejected'; readonly error: CommandRejected | TidegateError }
}
