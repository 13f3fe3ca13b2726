import type { AnyTarget } from '../target.ts'
import batches from './batches.ts'
import bodies from './bodies.ts'
import cli from './cli.ts'
import commands from './commands.ts'
import fields from './fields.ts'
import filters from './filters.ts'
import frames from './frames.ts'
import heads from './heads.ts'
import positions from './positions.ts'
import queries from './queries.ts'
import scanner from './scanner.ts'
import sdk from './sdk.ts'

/** Everything that reads what others have written. */
export const TARGETS: readonly AnyTarget[] = [
  frames,
  queries,
  filters,
  positions,
  bodies,
  heads,
  commands,
  batches,
  fields,
  scanner,
  sdk,
  cli,
]
