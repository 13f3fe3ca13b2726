import { type CommitOperation, decodeEvents } from '../../src/bus/index.ts'
import {
  type Command,
  type CommandOutcome,
  decodeRecord,
  type EntityFold,
  type EntityRecord,
} from '../../src/entities/index.ts'

export interface Ran {
  readonly answers: CommandOutcome[]
  /** Of their commit. */
  readonly operations: CommitOperation[]
}

/** Folds commands on what is held, or else on nothing. */
export function runCommands(fold: EntityFold, commands: readonly Command[]): Ran {
  for (const [name, keys] of fold.needs(commands).entities) for (const key of keys) fold.loaded(name, key)
  if (!fold.fold(commands)) for (const command of commands) fold.fold([command])
  const operations = fold.takeOperations()
  const answers = operations.flatMap((operation) =>
    operation.op === 'append' ? decodeEvents(operation.payload).map(({ data }) => data as CommandOutcome) : [],
  )
  return { answers, operations }
}

export function recordIn(operations: readonly CommitOperation[]): EntityRecord {
  const set = operations.find(({ op }) => op === 'set')
  return decodeRecord(set?.op === 'set' ? set.fields[0]![1] : '')
}
