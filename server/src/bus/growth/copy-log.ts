import { CorruptBatch } from '../errors.ts'
import { keys, LOG_NAME } from '../keys.ts'
import { LOG_START, type RawEntry } from '../log/log-entry.ts'
import type { Masters } from '../redis/masters.ts'
import { childOf, childrenOf } from './division.ts'
import type { LogPlacement } from './growth-plan.ts'
import { type GrowthRun, sendTogether } from './growth-run.ts'
import { type BatchFields, splitBatch } from './split-batch.ts'

/** Entries of one read: at 64 KiB each they take a few MiB. */
const PAGE_ENTRIES = 64

/** Id of the newest entry ever added to a log, `0-0` where there is none. */
export async function lastIdOf(masters: Masters, log: string): Promise<string> {
  // As flat fields and values; XINFO fails where there is no log.
  const info = (await masters.of(log).xinfo('STREAM', log)) as unknown[]
  return String(info[info.indexOf('last-generated-id') + 1] ?? LOG_START)
}

/**
 * Copies a log to where its events belong. Entries keep their ids and events their indexes, and each log ends with the same
 * id: whatever names a place in the log names it in all of them.
 */
export async function copyLog(
  run: GrowthRun,
  parent: number,
  topic: string,
  placement: Exclude<LogPlacement, { readonly kind: 'left' }>,
): Promise<void> {
  const { masters, division, stopped, onDone } = run
  const from = keys.log(parent, topic)
  const redis = masters.of(from)
  const [lastId, epoch] = await Promise.all([lastIdOf(masters, from), redis.hget(keys.meta(parent), 'epoch')])
  const children = placement.kind === 'stays' ? [parent] : childrenOf(parent, division)
  const partsOf = (batch: BatchFields): ReadonlyMap<number, BatchFields> => {
    if (placement.kind !== 'by_key') return new Map(children.map((child) => [child, batch]))
    try {
      return splitBatch(batch, children, (key) => childOf(parent, key, placement.homeOf, division))
    } catch (error) {
      // Its readers pass over it, wherever it lies.
      if (error instanceof CorruptBatch) return new Map([[parent, batch]])
      throw error
    }
  }
  const reached = new Map<number, string>()
  for (let after = LOG_START; ; ) {
    stopped.throwIfAborted()
    const page = (await redis.xrangeBuffer(from, `(${after}`, '+', 'COUNT', PAGE_ENTRIES)) as RawEntry[]
    await sendTogether(masters, (at) => {
      for (const [rawId, fields] of page) {
        const id = rawId.toString('latin1')
        for (const [child, part] of partsOf(batchOf(fields))) {
          const ofPresent = fieldOf(fields, 'e')?.toString('latin1') === epoch
          const others = withPart(fields, part, ofPresent ? run.epochs[child] : undefined)
          const copy = grownLog(child, topic)
          at(copy).xadd(copy, id, ...others)
          reached.set(child, id)
        }
      }
    })
    onDone(page.length)
    if (page.length < PAGE_ENTRIES) break
    after = page.at(-1)![0].toString('latin1')
  }
  if (lastId === LOG_START) return
  // An entry that is removed again: the log ends with its id, even if it has no entry.
  await sendTogether(masters, (at) => {
    for (const child of children) {
      if (reached.get(child) === lastId) continue
      const copy = grownLog(child, topic)
      at(copy).xadd(copy, lastId, 'x', '').xdel(copy, lastId)
    }
  })
}

const grownLog = (partition: number, topic: string) => keys.grown(partition, `${LOG_NAME}${topic}`)

function fieldOf(fields: readonly Buffer[], name: string): Buffer | undefined {
  for (let i = 0; i < fields.length; i += 2) if (fields[i]!.toString('latin1') === name) return fields[i + 1]
  return undefined
}

function batchOf(fields: readonly Buffer[]): BatchFields {
  return {
    header: fieldOf(fields, 'h')?.toString('utf8') ?? '',
    payload: fieldOf(fields, 'd') ?? Buffer.alloc(0),
    refused: fieldOf(fields, 'x')?.toString('latin1'),
  }
}

/** The fields of an entry with other events, and another epoch if it has to have one. Any further ones stay. */
function withPart(fields: readonly Buffer[], part: BatchFields, epoch: string | undefined): (string | Buffer)[] {
  const written: (string | Buffer)[] = []
  for (let i = 0; i < fields.length; i += 2) {
    const [name, value] = [fields[i]!.toString('latin1'), fields[i + 1]!]
    if (name === 'x') continue
    written.push(
      name,
      name === 'e' ? (epoch ?? value) : name === 'h' ? part.header : name === 'd' ? part.payload : value,
    )
  }
  if (part.refused !== undefined) written.push('x', part.refused)
  return written
}
