import { freePort } from '../../server/test/support/redis.ts'
import { Place } from './place.ts'

const LIMIT_MS = 30_000

/** From an empty folder and one command, install included, to the first event of the demo at a subscriber. */
export async function checkColdStart(tarballs: readonly string[]): Promise<string> {
  const place = new Place('cold', process.execPath)
  const port = await freePort()
  const packages = tarballs.map((file) => `-p ${file}`).join(' ')
  try {
    const startedAt = performance.now()
    await place.start(`npx -y ${packages} tidegate start --port ${port}`, 'Tidegate is at')
    await place.start(`curl -sN 'http://127.0.0.1:${port}/v1/stream?topic=sensor.reading'`, '"temperature"')
    const ms = performance.now() - startedAt
    const line = `npx tidegate start in an empty folder to the first event: ${(ms / 1_000).toFixed(1)} s of ${LIMIT_MS / 1_000} s`
    if (ms > LIMIT_MS) throw new Error(`too slow: ${line}`)
    return line
  } finally {
    await place.close()
  }
}
