import { LIMITS } from '@tidegate/protocol'
import { isDeeperThan } from '../data-depth.ts'

/** A value of the application as it is read again. @throws where it is no JSON, or nests too deep */
export function asJson(value: unknown, what: string): unknown {
  const isTooDeep = () => new Error(`${what} nests too deep`)
  if (isDeeperThan(value, LIMITS.dataDepth)) throw isTooDeep()
  const json: unknown = JSON.parse(JSON.stringify(value))
  // A `toJSON` may return anything.
  if (isDeeperThan(json, LIMITS.dataDepth)) throw isTooDeep()
  return json
}
