import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { afterAll, describe, expect, test } from 'vitest'
import { contract } from '../../server/test/support/contract.ts'
import { useGateway } from '../../server/test/support/use-gateway.ts'
import { useConnection } from '../../server/test/support/use-redis.ts'
import { createRandom } from '../src/support/random.ts'
import { readStoredEvents } from '../src/support/stored-events.ts'
import { TcpProxy } from '../src/support/tcp-proxy.ts'

const ROUNDS = 4
const SEED = Number(process.env.OUTBOX_SEED ?? Date.now() % 1_000_000)

const server = await useGateway(contract, { partitions: 1 })
const redis = await useConnection(server.redis.url)
const folder = mkdtempSync(join(tmpdir(), 'tidegate-test-'))
afterAll(() => rmSync(folder, { recursive: true }))
const program = join(folder, 'publisher.mjs')
await build({
  entryPoints: [fileURLToPath(new URL('../src/outbox-store/publisher.ts', import.meta.url))],
  outfile: program,
  bundle: true,
  platform: 'node',
  format: 'esm',
  logLevel: 'error',
  // `ws` loads what Node has by `require`.
  banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)" },
})

/** One run of the publisher, and what it said. */
class Run {
  readonly lines: string[] = []
  readonly #child: ChildProcess
  readonly #ended: Promise<unknown>

  constructor(...args: readonly string[]) {
    this.#child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
    createInterface({ input: this.#child.stdout! }).on('line', (line) => this.lines.push(line))
    this.#ended = once(this.#child, 'close')
  }

  kept(): string[] {
    return this.lines.flatMap((line) => (line.startsWith('kept ') ? [line.slice(5)] : []))
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#ended
  }

  end(): Promise<unknown> {
    return this.#ended
  }
}

describe('a publisher with an outbox in a file', () => {
  test(`C-STORE-2 C-ONCE-1 outbox store - kill -9 at any moment, gateways away or mute: each event that publish took is stored once, in order (OUTBOX_SEED=${SEED})`, async () => {
    const random = createRandom(SEED)
    const path = join(folder, 'outbox')
    const proxy = await TcpProxy.open(() => [server.port])
    const runs: Run[] = []
    for (let round = 0; round < ROUNDS; round++) {
      const weather = (['fair', 'away', 'mute'] as const)[Math.floor(random() * 3)]
      if (weather === 'away') proxy.retarget(() => [])
      if (weather === 'mute') setTimeout(() => proxy.mute(), random() * 200)
      const run = new Run(`${proxy.port}`, path, `${round}`, 'publish')
      runs.push(run)
      await expect.poll(() => run.kept().length, { interval: 1 }).toBeGreaterThan(Math.floor(random() * 300))
      await run.kill()
      proxy.heal()
      proxy.cut()
      proxy.retarget(() => [server.port])
    }
    const drain = new Run(`${proxy.port}`, path, 'last', 'drain')
    await drain.end()
    await proxy.close()

    expect(drain.lines.at(-1)).toBe('left 0')
    const said = [...runs, drain].flatMap(({ lines }) => lines)
    expect(said.filter((line) => line.startsWith('failed'))).toEqual([])
    const stored = (await readStoredEvents(redis, 0, 'sensor.reading')).map(({ body }) => body.id)
    // Between the call and its line on stdout, one event of a run may have been kept unseen.
    const owed = runs.flatMap((run, round) => {
      const kept = run.kept()
      const unseen = `${round}-${kept.length + 1}`
      return stored.includes(unseen) ? [...kept, unseen] : kept
    })
    expect(owed.length).toBeGreaterThan(ROUNDS)
    expect(stored).toEqual(owed)
  })
})
