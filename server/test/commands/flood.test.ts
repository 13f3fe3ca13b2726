import { setImmediate as yieldToLoop } from 'node:timers/promises'
import { afterEach, expect, it } from 'vitest'
import { ANYBODY } from '../../src/access/index.ts'
import { partitionOf } from '../../src/bus/index.ts'
import { systemClock } from '../../src/clock.ts'
import { Commands, readOutcome } from '../../src/commands/index.ts'
import { MAX_PENDING_PER_KEY } from '../../src/commands/pending-commands.ts'
import type { CommandOutcome } from '../../src/entities/index.ts'
import { defineConfig } from '../../src/index.ts'
import { Ingest } from '../../src/ingest/index.ts'
import { startWorker } from '../../src/worker-app.ts'
import { counter } from '../entities/counter.ts'
import { EntityDeployment } from '../support/entities.ts'
import { useBus, useRedis } from '../support/use-redis.ts'

const PARTITIONS = 4
const COMMANDS = 100_000
/** Sent before others get their turn. */
const SLICE = 200
const { contract } = defineConfig({ topics: [], entities: [counter] })
const { server } = await useRedis({ partitions: PARTITIONS })
const opened = useBus(server, PARTITIONS)
let closing: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const close of closing.reverse()) await close()
  closing = []
})

async function startSender(): Promise<Commands> {
  const base = { bus: opened.bus, contract, clock: systemClock, report: () => 'defect' }
  const ingest = new Ingest({ ...base, known: () => [] })
  const commands = new Commands({ ...base, ingest, node: 'gw-1', overloadedMs: () => undefined, onAnswer: () => {} })
  closing.push(() => commands.close())
  await commands.start()
  return commands
}

const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1]!

it('CMD-PENDING-2 100,000 commands to one key stay bounded, each has a fate, and other partitions are served meanwhile', async () => {
  const settings = { redisUrl: server.url, partitions: PARTITIONS, workerId: 'w-1', log: () => {} }
  const worker = await startWorker(settings, contract)
  closing.push(() => worker.close({ deadlineMs: 2_000 }))
  const commands = await startSender()
  const send = (id: string, key: string) =>
    new Promise<CommandOutcome>((resolve) =>
      commands.send(
        { id, caller: ANYBODY, entity: 'counter', key, command: 'add', input: { n: 0 }, deadlineMs: 10_000 },
        (outcome) => resolve(readOutcome(outcome)),
      ),
    )
  const other = ['a', 'b', 'c', 'd', 'e'].find(
    (key) => partitionOf(key, PARTITIONS) !== partitionOf('hot', PARTITIONS),
  )!
  let probes = 0
  const latencies = async (isOver: (count: number) => boolean) => {
    const taken: number[] = []
    while (!isOver(taken.length)) {
      const sentAt = performance.now()
      expect(await send(`probe-${probes++}`, other)).toMatchObject({ status: 'done' })
      taken.push(performance.now() - sentAt)
    }
    return taken
  }
  await latencies((count) => count === 20)
  const quiet = median(await latencies((count) => count === 50))

  const outcomes: Promise<CommandOutcome>[] = []
  let most = 0
  const busy = latencies(() => outcomes.length === COMMANDS)
  while (outcomes.length < COMMANDS) {
    for (let i = 0; i < SLICE; i++) outcomes.push(send(`c-${outcomes.length}`, 'hot'))
    most = Math.max(most, commands.pending)
    await yieldToLoop()
  }
  const codes = (await Promise.all(outcomes)).map((outcome) => (outcome.status === 'done' ? 'done' : outcome.code))
  const flooded = median(await busy)
  console.log(`another partition: ${quiet.toFixed(1)} ms, beside 100,000 commands to one key ${flooded.toFixed(1)} ms`)
  expect(most).toBeLessThanOrEqual(MAX_PENDING_PER_KEY + 1)
  expect(new Set(codes)).toEqual(new Set(['done', 'overloaded']))
  const done = codes.filter((code) => code === 'done').length
  expect(await new EntityDeployment(opened.bus).trail('counter', 'hot')).toHaveLength(done)
  // Its sender and its worker share this process with the flood.
  expect(flooded).toBeLessThan(1_000)
}, 60_000)
