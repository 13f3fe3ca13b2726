import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Bus, partitionOf } from '../../bus/index.ts'
import type { Contract } from '../../config/contract/model.ts'
import { type Built, type CommandOutcome, REBUILD } from '../../entities/index.ts'
import { printable, printableJson } from '../terminal/printable.ts'
import { ProgressLine } from '../terminal/progress-line.ts'
import { openSender } from './entity-command.ts'

/** How often partitions are asked how far they have come. */
const ASK_EVERY_MS = 250
/** Shorter rebuilds show no progress. */
const QUIET_MS = 2_000
const MAX_KEYS = 1_000_000

/** What a rebuild came to, of one partition or of all. */
interface RebuildCounts {
  readonly entities: number
  readonly rebuilt: number
  readonly unchanged: number
  readonly failed: number
}

/**
 * Has the owners of all partitions rebuild the entities of a name, and waits until they have.
 *
 * @returns the exit code: 1 where some could not be rebuilt @throws as `openSender`; Error where an owner does not take it
 */
export async function rebuildEntities(
  url: string,
  contract: Contract,
  name: string,
  { json }: { readonly json: boolean },
): Promise<number> {
  if (!contract.entities.has(name)) throw new Error(`No entity ${printable(name)}. tidegate entity list shows them.`)
  const { bus, send, close } = await openSender(url, contract, { isOperator: true })
  const progress = new ProgressLine(process.stderr, QUIET_MS)
  try {
    const partitions = Array.from({ length: bus.partitions }, (_, partition) => partition)
    const runs = await Promise.all(
      partitions.map(async (partition) => {
        const key = keyOf(partition, bus.partitions)
        takenBy(partition, await send({ id: randomUUID(), entity: name, key, command: REBUILD, input: {} }))
        return (await builtOf(bus, partition, name)).run
      }),
    )
    const startedAt = performance.now()
    let built = await allBuilt(bus, name)
    while (!built.every(({ isDone, run }, partition) => isDone && run >= runs[partition]!)) {
      progress.show(progressOf(built, performance.now() - startedAt))
      await sleep(ASK_EVERY_MS)
      built = await allBuilt(bus, name)
    }
    progress.end()
    const parts = built.map(countsOf)
    const counts = parts.reduce(sumOf)
    if (json) process.stdout.write(`${printableJson({ entity: name, ...counts, partitions: parts })}\n`)
    else process.stdout.write(`rebuilt: ${sentence(counts)}\n`)
    if (counts.failed > 0)
      process.stderr.write('The log of the workers names the first of those that failed, with the reasons.\n')
    return counts.failed > 0 ? 1 : 0
  } finally {
    progress.end()
    await close()
  }
}

/** A key of the partition: that is how its owner is addressed. */
function keyOf(partition: number, partitions: number): string {
  for (let n = 0; n < MAX_KEYS; n++) if (partitionOf(`~${n}`, partitions) === partition) return `~${n}`
  throw new Error(`no key was found for partition ${partition}`)
}

function takenBy(partition: number, outcome: CommandOutcome): void {
  if (outcome.status === 'done') return
  const { code, message } = outcome
  const advice = code === 'deadline_exceeded' ? ' Does a worker run? The rebuild begins once one does.' : ''
  throw new Error(`partition ${partition}: ${printable(code)}: ${printable(message)}${advice}`)
}

async function builtOf(bus: Bus, partition: number, name: string): Promise<Built> {
  const text = await bus.entities(partition, 'query').built(name)
  if (text === undefined) throw new Error(`partition ${partition} says nothing of ${name}: was Redis emptied?`)
  return JSON.parse(text) as Built
}

function allBuilt(bus: Bus, name: string): Promise<Built[]> {
  return Promise.all(Array.from({ length: bus.partitions }, (_, partition) => builtOf(bus, partition, name)))
}

function countsOf({ total, seen, written, failed }: Built): RebuildCounts {
  return { entities: Math.max(total, seen), rebuilt: written, unchanged: Math.max(0, seen - written - failed), failed }
}

function sumOf(a: RebuildCounts, b: RebuildCounts): RebuildCounts {
  return {
    entities: a.entities + b.entities,
    rebuilt: a.rebuilt + b.rebuilt,
    unchanged: a.unchanged + b.unchanged,
    failed: a.failed + b.failed,
  }
}

/** How far it is, and how long it will take if the rest takes as long as what is done. */
export function progressOf(built: readonly Built[], elapsedMs: number): string {
  const total = built.reduce((sum, { total }) => sum + total, 0)
  const seen = built.reduce((sum, { seen, isDone, total }) => sum + (isDone ? total : Math.min(seen, total)), 0)
  const done = built.filter(({ isDone }) => isDone).length
  const leftMs = seen === 0 ? undefined : (elapsedMs * (total - seen)) / seen
  const left = leftMs === undefined ? '' : `, about ${Math.ceil(leftMs / 1_000)} s left`
  const open = built.flatMap(({ isDone, seen, total }, partition) => (isDone ? [] : [`${partition}: ${seen}/${total}`]))
  const shown = open.length === 0 ? '' : ` (${open.slice(0, 4).join(', ')}${open.length > 4 ? ', ...' : ''})`
  return `${counted(seen)} of ${counted(total)} entities, ${done} of ${built.length} partitions${shown}${left}`
}

function sentence({ entities, rebuilt, unchanged, failed }: RebuildCounts): string {
  return `${counted(rebuilt)} of ${counted(entities)} entities written, ${counted(unchanged)} unchanged, ${counted(failed)} failed`
}

function counted(count: number): string {
  return count.toLocaleString('en-US')
}
