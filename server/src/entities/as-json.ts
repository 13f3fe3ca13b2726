import { LIMITS } from '@tidegate/protocol'
import { isDeeperThan } from '../data-depth.ts'

/** Far beyond every limit. What is larger is not written as JSON: that cannot be ended, and takes seconds for 100 MB. */
const MAX_CHARS = 1_048_576

/** A value as it is read again, and its JSON. */
export interface AsJson {
  readonly value: unknown
  readonly json: string
}

/** A value of the application as it is read again. @throws where it is no JSON, nests too deep, or is far too large */
export function asJson(value: unknown, what: string): AsJson {
  const isTooDeep = () => new Error(`${what} nests too deep`)
  if (isDeeperThan(value, LIMITS.dataDepth)) throw isTooDeep()
  const json = jsonOf(value, what)
  const read: unknown = JSON.parse(json)
  // A `toJSON` may return anything.
  if (isDeeperThan(read, LIMITS.dataDepth)) throw isTooDeep()
  return { value: read, json }
}

/** JSON of a value of the application. @throws where it is none, or far too large */
export function jsonOf(value: unknown, what: string): string {
  if (leftBeside(value, MAX_CHARS) < 0) throw new Error(`${what} has more than ${MAX_CHARS} characters`)
  return JSON.stringify(value)
}

/** What is left of so many characters beside a value, at most; below 0 as soon as nothing is. */
function leftBeside(value: unknown, chars: number): number {
  if (typeof value === 'string') return chars - value.length
  if (typeof value !== 'object' || value === null) return chars - 1
  // Its JSON names each element.
  if (ArrayBuffer.isView(value)) return chars - value.byteLength
  if (Array.isArray(value)) {
    let left = chars - value.length
    for (let i = 0; i < value.length && left >= 0; i++) left = leftBeside(value[i], left)
    return left
  }
  let left = chars
  for (const name in value) {
    if (left < 0) break
    left = leftBeside((value as Record<string, unknown>)[name], left - name.length)
  }
  return left
}
