import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../../server/test/support/redis.ts'
import { Place } from '../install-check/place.ts'
import { csvOf, type Hour, hoursOf, machineReadings } from './machines.ts'
import { beginProject } from './project.ts'

const PROGRAMS = ['tidegate.config.ts', 'replay.ts', 'windows.ts'] as const
/** The end of input is folded within seconds. */
const CLOSE_DEADLINE_MS = 20_000
/** Sums of an hour, added in another order. */
const TOLERANCE = 1e-9

/** A file with a clock that is set back is replayed; every window is what the file says, the last ones too. */
export async function checkFactory(tarballs: string): Promise<string> {
  const place = new Place('factory', process.execPath)
  const port = await freePort()
  try {
    await beginProject(place, tarballs, 'node')
    for (const name of ['publish.ts', 'listen.ts']) rmSync(join(place.folder, name))
    for (const name of PROGRAMS) place.write(name, readFileSync(new URL(`factory/${name}`, import.meta.url), 'utf8'))
    const readings = machineReadings()
    place.write('machines.csv', csvOf(readings))
    place.moveTo(port)
    await place.run('npx tsc')
    await place.start(`npx tidegate start --port ${port}`, 'Tidegate is at')
    await place.run('npx tsx replay.ts')
    const expected = hoursOf(readings)
    let differences: readonly string[] = []
    for (const deadline = Date.now() + CLOSE_DEADLINE_MS; ; await sleep(500)) {
      differences = compare(expected, await windowsOf(place))
      if (differences.length === 0 || Date.now() > deadline) break
    }
    if (differences.length > 0)
      throw new Error(`factory: ${differences.length} differ:\n${differences.slice(0, 10).join('\n')}`)
    return `factory: ${readings.length} events replayed, all ${expected.length} windows as recomputed, last ones included`
  } finally {
    await place.close()
  }
}

async function windowsOf(place: Place): Promise<readonly Hour[]> {
  const output = await place.run('npx tsx windows.ts')
  return output
    .trim()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Hour)
}

function compare(expected: readonly Hour[], found: readonly Hour[]): readonly string[] {
  const nameOf = ({ key, start }: Hour) => `${key} ${new Date(start).toISOString()}`
  const left = new Map(found.map((hour) => [nameOf(hour), hour]))
  const differences: string[] = found.length === left.size ? [] : ['a window comes twice']
  for (const hour of expected) {
    const name = nameOf(hour)
    const other = left.get(name)
    left.delete(name)
    const isEqual =
      other !== undefined &&
      (['min', 'max', 'count'] as const).every((field) => other[field] === hour[field]) &&
      Math.abs(other.avg - hour.avg) <= TOLERANCE * Math.abs(hour.avg)
    if (!isEqual) differences.push(`${name}: expected ${JSON.stringify(hour)}, found ${JSON.stringify(other)}`)
  }
  return [...differences, ...[...left.keys()].map((name) => `${name}: found, and not expected`)]
}
