import { ID_BYTES, isReservedId, parseVersion, RESERVED_IDS } from '@tidegate/protocol'
import { TidegateError } from '../errors/errors.ts'
import { utf8Bytes } from '../utf8-bytes.ts'

const LONE_SURROGATE = /\p{Surrogate}/u
const PREFIXES = Object.values(RESERVED_IDS).join(' or ')

/** What a server looks at before it looks for the entity. */
export interface CommandFields {
  readonly id: string
  readonly entity: string
  readonly key: string
  readonly command: string
  readonly expectedVersion?: number | string | undefined
}

/** @throws TidegateError `invalid_frame` for a command whose frame would end the connection for good */
export function checkCommand({ id, entity, key, command, expectedVersion }: CommandFields): void {
  if (!isText(id) || id === '' || utf8Bytes(id) > ID_BYTES || isReservedId(id)) {
    throw invalid(`id: expected 1 to ${ID_BYTES} bytes without lone surrogates that do not begin with ${PREFIXES}`)
  }
  for (const [name, text] of Object.entries({ entity, key, command })) {
    if (!isText(text)) throw invalid(`${name}: expected a string without lone surrogates`, id)
  }
  if (expectedVersion !== undefined && parseVersion(expectedVersion) === undefined) {
    throw invalid('expectedVersion: expected a whole number from 0, or "version@epoch"', id)
  }
}

/** Types are gone at run time. */
function isText(value: unknown): boolean {
  return typeof value === 'string' && !LONE_SURROGATE.test(value)
}

function invalid(message: string, commandId?: string): TidegateError {
  return new TidegateError('invalid_frame', message, { commandId })
}
