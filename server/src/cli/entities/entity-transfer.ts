import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { openBus } from '../../bus/index.ts'
import type { EntityDefinition } from '../../config/contract/entity-model.ts'
import type { Contract } from '../../config/contract/model.ts'
import { numberedLines } from '../terminal/numbered-lines.ts'
import { printable, printableJson } from '../terminal/printable.ts'
import { ProgressLine } from '../terminal/progress-line.ts'
import { UsageError } from '../usage/usage-error.ts'
import { openSender } from './entity-command.ts'
import { TrailExport } from './trail-export.ts'
import { type ImportCounts, TrailImport } from './trail-import.ts'
import { TrailStore } from './trail-store.ts'

const CONNECT_DEADLINE_MS = 5_000
/** Shorter transfers show no progress. */
const QUIET_MS = 2_000
/** UTF-8 bytes of a line: a state or an event of 64 KiB, however its characters are escaped. */
const MAX_LINE_BYTES = 524_288

/** Writes the trail of one entity, or of all, to standard output. @returns the exit code @throws BusUnreachable, BusUnavailable */
export async function exportEntities(
  url: string,
  contract: Contract,
  name: string,
  key: string | undefined,
): Promise<number> {
  definitionOf(contract, name)
  const bus = await openBus({ url, name: 'entity', channels: ['query'], waitMs: CONNECT_DEADLINE_MS })
  const progress = new ProgressLine(process.stderr, QUIET_MS)
  const trails = new TrailExport(new TrailStore(bus, name), name)
  let entities = 0
  let events = 0
  try {
    for await (const part of key === undefined ? trails.all() : trails.one(key)) {
      if (!process.stdout.write(part.text)) await once(process.stdout, 'drain')
      events += part.events
      if (part.isLast) entities++
      progress.show(eventsOf(events, entities))
    }
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EPIPE') throw cause
    // The reader has ended: `| head`.
    return 0
  } finally {
    progress.end()
    bus.close()
  }
  if (key !== undefined && entities === 0) throw new Error(`No ${name} has this key.`)
  process.stderr.write(`exported: ${eventsOf(events, entities)}\n`)
  return 0
}

/** Stores exported trails. @param file of them; absent: standard input @returns the exit code @throws as `openSender`; Error */
export async function importEntities(
  url: string,
  contract: Contract,
  name: string,
  { file, json }: { readonly file: string | undefined; readonly json: boolean },
): Promise<number> {
  const definition = definitionOf(contract, name)
  if (file === undefined && process.stdin.isTTY)
    throw new UsageError('name a file, or send the lines to standard input')
  const sender = await openSender(url, contract, { isOperator: true })
  const progress = new ProgressLine(process.stderr, QUIET_MS)
  const trails = new TrailImport({
    definition,
    store: new TrailStore(sender.bus, name),
    send: (request) => sender.send(request),
    onProgress: (counts) => progress.show(sentence(counts)),
  })
  try {
    await trails.run(numberedLines(file === undefined ? process.stdin : createReadStream(file), MAX_LINE_BYTES))
  } catch (cause) {
    const { message } = cause as Error
    throw new Error(`${message}\nUp to there: ${sentence(trails.counts)}. Run it again to continue.`, { cause })
  } finally {
    progress.end()
    await sender.close()
  }
  process.stdout.write(`${json ? printableJson(trails.counts) : `imported: ${sentence(trails.counts)}`}\n`)
  return 0
}

/** @throws Error where the config has none */
function definitionOf({ entities }: Contract, name: string): EntityDefinition {
  const definition = entities.get(name)
  if (definition === undefined) throw new Error(`No entity ${printable(name)}. tidegate entity list shows them.`)
  return definition
}

function sentence({ entities, events, unchanged }: ImportCounts): string {
  return `${eventsOf(events, entities)}; there already: ${counted(unchanged, 'event', 'events')}`
}

function eventsOf(events: number, entities: number): string {
  return `${counted(events, 'event', 'events')} of ${counted(entities, 'entity', 'entities')}`
}

function counted(count: number, one: string, many: string): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? one : many}`
}
