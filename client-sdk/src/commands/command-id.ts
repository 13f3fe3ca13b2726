import { LIMITS } from '@tidegate/protocol'
import { TidegateError } from '../errors.ts'
import { randomId } from '../random-id.ts'
import { utf8Bytes } from '../utf8-bytes.ts'

const OWN_ID = /^tg\.([0-9a-z]{1,11})\./
const LONE_SURROGATE = /\p{Surrogate}/u

/** A new id. It says when it was made, by the clock on the wall: whoever has the id of a command knows how old that is. */
export function newCommandId(wallTime: number): string {
  return `tg.${wallTime.toString(36)}.${randomId()}`
}

/** When an id was made by `newCommandId`; `undefined` for any other id. */
export function birthOf(id: string): number | undefined {
  const time = OWN_ID.exec(id)?.[1]
  return time === undefined ? undefined : Number.parseInt(time, 36)
}

/** @throws TidegateError `invalid_frame` for an id that no server could answer: it would end the connection. */
export function checkCommandId(id: string): void {
  const isId = typeof id === 'string' && id !== '' && utf8Bytes(id) <= LIMITS.idBytes
  if (isId && !LONE_SURROGATE.test(id) && !id.startsWith('http:')) return
  throw new TidegateError(
    'invalid_frame',
    `id: expected 1 to ${LIMITS.idBytes} bytes without lone surrogates that do not begin with http:`,
  )
}
