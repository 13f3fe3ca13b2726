import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { REPOSITORY } from '../../../scripts/source-files.ts'

/** A ratio that was reached, and below which it is not to fall. */
export interface Floor {
  readonly ratio: number
  readonly date: string
  readonly machine: string
}

/** By benchmark and the path of the ratio in its result: `sdk.publish200InFlight.ratio`. */
export type Floors = Readonly<Record<string, Floor>>

const FILE = join(REPOSITORY, 'load-tests/floors.json')

export function readFloors(): Floors {
  return existsSync(FILE) ? JSON.parse(readFileSync(FILE, 'utf8')) : {}
}

export function writeFloors(floors: Floors): void {
  const sorted = Object.fromEntries(Object.entries(floors).sort(([a], [b]) => (a < b ? -1 : 1)))
  writeFileSync(FILE, `${JSON.stringify(sorted, null, 2)}\n`)
}
