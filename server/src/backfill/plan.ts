import { compareStreamIds } from '@tidegate/protocol'
import type { BackfillRecord } from '../bus/index.ts'
import { appendedBeforeMs } from '../config/contract/append-lead.ts'
import { beginsOf, msOf, type Offsets, PartitionWindows, type Pipeline, type StoredProgress } from '../fold/index.ts'
import { coversAll, decodeFilled } from './range.ts'
import type { BackfillTarget } from './target.ts'

/** A request. Times are event times, ms: windows that start in `[from, to)`. */
export interface BackfillRequest {
  readonly from: number | 'earliest'
  /** Absent: up to where the live window begins. */
  readonly to?: number
  /** At the end of its logs, all input has ended. */
  readonly end?: boolean
}

/** The work in one partition, as stored in its ledger. */
export interface BackfillRun {
  /** The same in every partition of one request. */
  readonly id: string
  readonly request: BackfillRequest
  /** Panes of windows that start in `[from, to)` are emitted. */
  readonly from: number
  readonly to: number
  /** Input -> stream id up to which the live window missed entries. */
  readonly before: Readonly<Record<string, string>>
  /** Names of the live window's hashes that it replaces with its own. */
  readonly state: readonly string[]
  /** Append times between which it reads at least, ms. */
  readonly startMs: number
  readonly headMs: number
}

/** The known facts about one partition. */
export interface PartitionFacts {
  readonly offsets: Offsets
  readonly progress: StoredProgress
  readonly record: BackfillRecord | undefined
  /** Input -> trim mark, oldest entry kept, newest entry ever; stream ids, `0-0` for none. */
  readonly logs: ReadonlyMap<string, { readonly trimmedTo: string; readonly firstId: string; readonly lastId: string }>
}

export type PartitionPlan =
  | { readonly kind: 'run'; readonly run: BackfillRun; readonly offsets: Offsets }
  /**
   * `complete`: the live window has read everything. `filled`: an earlier backfill has. `outside`: the live window
   * begins before. `gone`: the logs no longer hold anything from before it.
   */
  | { readonly kind: 'nothing'; readonly why: 'complete' | 'filled' | 'outside' | 'gone' }
  /** The log holds everything for windows from `availableFrom` on, ms. */
  | { readonly kind: 'trimmed'; readonly availableFrom: number }

/** Before every possible event time. */
const BEGINNING = Number.MIN_SAFE_INTEGER

/** @param live pipeline of the running workers. */
export function planPartition(
  target: BackfillTarget,
  live: Pipeline,
  id: string,
  request: BackfillRequest,
  { offsets, progress, record, logs }: PartitionFacts,
): PartitionPlan {
  const begin = beginsOf(live, progress, offsets)[target.window.name]
  if (begin === undefined) return { kind: 'nothing', why: 'complete' }
  const marks = [...logs.values()]
  const slackMs = appendedBeforeMs(target.window, live.contract.topics)
  const trimmedMs = Math.max(...marks.map(({ trimmedTo }) => msOf(trimmedTo)))
  const availableFrom = trimmedMs > 0 ? trimmedMs + slackMs + 1 : BEGINNING
  const from = request.from === 'earliest' ? availableFrom : request.from
  const to = Math.min(request.to ?? begin.start, begin.start)
  if (from >= to) return { kind: 'nothing', why: request.from === 'earliest' ? 'gone' : 'outside' }
  if (from < availableFrom) return { kind: 'trimmed', availableFrom }
  const filled = record?.version === target.version ? decodeFilled(record.filled) : []
  if (coversAll(filled, from, to)) return { kind: 'nothing', why: 'filled' }
  const cursor = `${Math.max(0, from - slackMs - 1)}-0`
  const startMs = Math.max(msOf(cursor), Math.min(...marks.map(({ firstId }) => msOf(firstId)).filter((ms) => ms > 0)))
  const run: BackfillRun = {
    id,
    request,
    from,
    to,
    before: begin.after,
    state: PartitionWindows.hashes(target.pipeline),
    startMs: Number.isFinite(startMs) ? startMs : 0,
    headMs: Math.max(...marks.map(({ lastId }) => msOf(lastId))),
  }
  const starts = [...logs].map(([topic, { trimmedTo }]) => [topic, later(cursor, trimmedTo)] as const)
  return { kind: 'run', run, offsets: new Map(starts) }
}

function later(a: string, b: string): string {
  return compareStreamIds(a, b) > 0 ? a : b
}
