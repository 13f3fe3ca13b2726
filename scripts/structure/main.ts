import { parseArgs } from 'node:util'
import { UnknownRef, withCheckout } from './checkout.ts'
import { measure, type Structure } from './measure.ts'
import { compare, describe } from './tables.ts'

const USAGE = `npm run structure -- [--at <ref>] [--since <ref>] [--json]

Prints the rooms (folders) of server/src and client-sdk/src: files, lines, how many imports lead from one to another; the
widest files, cycles, and what names Redis outside bus/. Exits with 1 when modules import each other in a cycle.

  --at <ref>     of that commit, branch or tag instead of the working tree
  --since <ref>  compares that one with --at, or with the working tree
  --json         the figures instead of tables
  --help         this text`

const { values } = parseArgs({
  options: {
    at: { type: 'string' },
    since: { type: 'string' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

try {
  if (values.help) console.log(USAGE)
  else print(values)
} catch (error) {
  if (!(error instanceof UnknownRef)) throw error
  console.error(error.message)
  process.exitCode = 1
}

function print({ at, since, json }: typeof values): void {
  const after = structureAt(at)
  const before = since === undefined ? undefined : structureAt(since)
  if (json) console.log(JSON.stringify(before === undefined ? after : { before, after }, asJson, 2))
  else console.log(before === undefined ? describe(after) : compare(before, after))
  process.exitCode = after.cycle === undefined ? 0 : 1
}

function structureAt(ref: string | undefined): Structure {
  return ref === undefined ? measure() : withCheckout(ref, measure)
}

function asJson(_: string, value: unknown): unknown {
  return value instanceof Map ? Object.fromEntries(value) : value
}
