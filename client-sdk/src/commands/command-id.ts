import { randomId } from '../random-id.ts'

const OWN_ID = /^tg\.([0-9a-z]{1,11})\./

/** A new id. It says when it was made, by the clock on the wall: whoever has the id of a command knows how old that is. */
export function newCommandId(wallTime: number): string {
  return `tg.${wallTime.toString(36)}.${randomId()}`
}

/** When an id was made by `newCommandId`; `undefined` for any other id. */
export function birthOf(id: string): number | undefined {
  const time = OWN_ID.exec(id)?.[1]
  return time === undefined ? undefined : Number.parseInt(time, 36)
}
