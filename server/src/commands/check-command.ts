import { COMMAND_CODES, ERROR_CODES, LIMITS } from '@tidegate/protocol'
import { allowsKey, type Rights } from '../access/index.ts'
import type { EntityDefinition } from '../config/contract/entity-model.ts'
import type { Contract } from '../config/contract/model.ts'
import { isDeeperThan } from '../data-depth.ts'
import { INPUT_LIMITS, OPERATIONS } from '../entities/index.ts'
import { exceeds } from '../exceeds.ts'
import { checksumOf } from '../ingest/index.ts'
import { isRecord } from '../json-fields.ts'
import { type CommandRefusal, type CommandRequest, refuse } from './command-request.ts'

export type CheckedCommand =
  | {
      readonly ok: true
      /** JSON of the input, as it was sent. */
      readonly input: string
      /** Of everything that makes it this command and no other. */
      readonly checksum: string
    }
  | { readonly ok: false; readonly refusal: CommandRefusal }

export interface CheckOptions {
  /** Whether it may be one that no client may send. */
  readonly isOperator?: boolean | undefined
  /** Why there is no room for it, asked once its sender may send it. */
  readonly whyFull?: () => CommandRefusal | undefined
}

/**
 * Checks a command before anything of it is stored, cheap and bounding checks first.
 *
 * @throws what the schema of the input throws
 */
export function checkCommand(
  contract: Contract,
  request: CommandRequest,
  { isOperator = false, whyFull = () => undefined }: CheckOptions = {},
): CheckedCommand {
  const { entity, key, command, caller, input, expected } = request
  const { rights, namespace } = caller
  const definition = contract.entities.get(entity)
  if (definition === undefined || !isSeen(definition, rights)) {
    return refused('unknown_entity', COMMAND_CODES.unknown_entity)
  }
  const operation = isOperator ? OPERATIONS.get(command) : undefined
  const declared = definition.commands.get(command) ?? operation
  const scope = rights.keys('command', `${entity}.${command}`)
  if (declared === undefined || declared.by === 'reaction' || scope.kind === 'none') {
    return refused('unknown_command', COMMAND_CODES.unknown_command)
  }
  if (!allowsKey(scope, key)) return refused('forbidden', COMMAND_CODES.forbidden)
  if (key === '' || exceeds(key, LIMITS.keyBytes)) return refused('key_too_long', ERROR_CODES.key_too_long)
  const full = whyFull()
  if (full !== undefined) return { ok: false, refusal: full }
  if (!isRecord(input)) return invalid('expected an object', '')
  // Before whatever walks it.
  const { depth, inputBytes } = operation?.limits ?? INPUT_LIMITS
  if (isDeeperThan(input, depth)) return invalid(`arrays and objects nest deeper than ${depth}`, '')
  const json = JSON.stringify(input)
  if (exceeds(json, inputBytes)) return invalid(`more than ${inputBytes} bytes of JSON`, '')
  const checked = declared.validate(input)
  if (!checked.ok && checked.cause !== undefined) throw checked.cause
  if (!checked.ok) return invalid(checked.message, checked.path)
  // Of a subject, not of its claims: a refreshed token makes no other command.
  const content = JSON.stringify([key, command, expected?.version, expected?.epoch]) + namespace
  return { ok: true, input: json, checksum: checksumOf(entity, content + json) }
}

/** Whether the caller may know of it. */
function isSeen({ name, commands }: EntityDefinition, rights: Rights): boolean {
  return rights.covers('query', name) || [...commands.keys()].some((of) => rights.covers('command', `${name}.${of}`))
}

function refused(code: string, message: string): CheckedCommand {
  return { ok: false, refusal: refuse(code, message) }
}

function invalid(message: string, path: string): CheckedCommand {
  const refusal = refuse('invalid_input', message)
  return { ok: false, refusal: path === '' ? refusal : { ...refusal, path } }
}
