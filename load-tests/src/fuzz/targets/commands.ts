import fc from 'fast-check'
import { ANYBODY } from '../../../../server/src/access/index.ts'
import { checkCommand } from '../../../../server/src/commands/check-command.ts'
import type { Effect } from '../../../../server/src/entities/effect.ts'
import { importPiece } from '../../../../server/src/entities/import.ts'
import {
  beginOf,
  type Command,
  decodeRecord,
  type EntityRecord,
  encodeRecord,
  IMPORT,
  newRecord,
  parseTrailLine,
} from '../../../../server/src/entities/index.ts'
import { runCommand } from '../../../../server/src/entities/run-command.ts'
import { contract } from '../contract.ts'
import { jsonTexts } from '../json-text.ts'
import { must, target } from '../target.ts'
import * as v from '../values.ts'

interface CommandInput {
  readonly command: string
  /** JSON of the input. */
  readonly input: string
}

const definition = contract.entities.get('user')!
const eventLine = fc.record(
  {
    version: fc.constantFrom(1, 2, 3, 0),
    type: fc.constantFrom('emailChanged', 'noted', 'gone'),
    definition: fc.constantFrom(1, 2),
    time: v.count,
    commandId: fc.constant('c'),
    cause: fc.record({ entity: fc.constant('user'), key: v.key, version: v.count }),
    data: fc.oneof(fc.record({ email: v.key }), fc.record({ note: fc.jsonValue() })),
  },
  { requiredKeys: ['version', 'type', 'definition', 'time', 'commandId', 'data'] },
)
const baseLine = fc.record(
  {
    version: v.count,
    time: v.count,
    definition: fc.constantFrom(1, 2),
    state: fc.oneof(fc.record({ email: v.key, notes: v.count }), fc.dictionary(v.key, v.key, { maxKeys: 3 })),
    erased: fc.record({ version: v.count, time: v.count }),
  },
  { requiredKeys: ['version', 'time', 'definition', 'state'] },
)
const lines = fc
  .tuple(fc.option(baseLine, { nil: undefined }), fc.array(eventLine, { maxLength: 3 }))
  .map(([base, events]) => ({
    lines: base === undefined ? events.map((line, i) => ({ ...line, version: i + 1 })) : [base, ...events],
  }))
const inputs = fc.oneof(
  fc.record({
    command: fc.constantFrom('changeEmail', 'note'),
    input: jsonTexts(fc.record({ email: v.key, note: fc.jsonValue() })),
  }),
  fc.record({ command: fc.constant(IMPORT), input: jsonTexts(lines) }),
  fc.record({
    command: fc.constantFrom('toString', '__proto__', '~erase', 'constructor'),
    input: jsonTexts(fc.constant({})),
  }),
)

/** Inputs of commands and pieces of an import, up to the events that they lead to. */
export default target<CommandInput>({
  name: 'commands',
  inputs,
  run({ command, input: json }) {
    let input: unknown
    try {
      input = JSON.parse(json)
    } catch {
      return
    }
    const checked = checkCommand(
      contract,
      { id: 'c', entity: 'user', key: 'a', command, input, caller: ANYBODY },
      { isOperator: true },
    )
    if (!checked.ok) {
      must(checked.refusal.message.length < 1_024, 'an answer repeats what was sent')
      return
    }
    const begin = newRecord(definition)
    const each: Command = {
      ...{ id: 'c', key: 'a', storedAt: 1_732_350_000_000, node: 'gw', entity: 'user', command },
      ...{ input: JSON.parse(checked.input), checksum: checked.checksum, waitMs: 1_000 },
    }
    if (command === IMPORT) importAll(begin, each)
    else if (definition.commands.has(command)) mustNotFail(runCommand(definition, '1', begin, each))
  },
  covers: [
    'server/src/commands/check-command.ts',
    'server/src/entities/import.ts',
    'server/src/entities/trail-line.ts',
    'server/src/entities/run-command.ts',
    'server/src/entities/entity-record.ts',
  ],
})

/** Code of the application may find no name in an index for what it is given: that is an answer too. */
function mustNotFail(effect: Effect): void {
  if (effect.kind === 'failed') must((effect.error as Error).constructor === Error, `a command failed: ${effect.error}`)
}

function importAll(before: EntityRecord, command: Command): void {
  const { lines: given } = command.input as { readonly lines?: unknown }
  if (Array.isArray(given))
    for (const line of given) {
      try {
        parseTrailLine(line)
      } catch (error) {
        must((error as Error).constructor === Error, `${error} is no answer`)
      }
    }
  const effect = importPiece(definition, before, command)
  mustNotFail(effect)
  if (effect.kind !== 'imported') return
  const record = decodeRecord(encodeRecord(effect.record))
  must(record.version === effect.record.version, 'a record changes when it is stored')
  beginOf(definition, record)
}
