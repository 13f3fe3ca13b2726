import { LIMITS } from '@tidegate/protocol'
import { isDeeperThan } from '../data-depth.ts'

/** A value as it is read again, and its JSON. */
export interface AsJson {
  readonly value: unknown
  readonly json: string
}

/** A value of the application as it is read again. @throws where it is no JSON, or nests too deep */
export function asJson(value: unknown, what: string): AsJson {
  const isTooDeep = () => new Error(`${what} nests too deep`)
  if (isDeeperThan(value, LIMITS.dataDepth)) throw isTooDeep()
  const json = JSON.stringify(value)
  const read: unknown = JSON.parse(json)
  // A `toJSON` may return anything.
  if (isDeeperThan(read, LIMITS.dataDepth)) throw isTooDeep()
  return { value: read, json }
}
