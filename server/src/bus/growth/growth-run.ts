import type { Redis } from '../redis/connection.ts'
import type { Masters } from '../redis/masters.ts'
import type { Division } from './division.ts'
import type { GrowthPlan } from './growth-plan.ts'

/** What the steps of one growth share. */
export interface GrowthRun {
  readonly masters: Masters
  readonly division: Division
  readonly plan: GrowthPlan
  /** The epoch that each partition begins with. */
  readonly epochs: readonly string[]
  readonly stopped: AbortSignal
  /** Called with what was copied or moved since the last call. */
  readonly onDone: (entries: number) => void
}

type Pipeline = ReturnType<Redis['pipeline']>
/** Where commands about a key, and what lies beside it, are added. */
type PipelineOf = (key: string) => Pipeline

/** Sends commands together, to each Redis its own. @throws the first error that one answers with */
export async function sendTogether(masters: Masters, add: (at: PipelineOf) => void): Promise<void> {
  const error = (await answersTo(masters, add)).find((answer) => answer !== null)
  if (error != null) throw error
}

/** The same of renames, of which some may have been done: a scan may give a key twice. */
export async function renameTogether(masters: Masters, add: (at: PipelineOf) => void): Promise<void> {
  const error = (await answersTo(masters, add)).find((answer) => answer !== null && !/no such key/.test(answer.message))
  if (error != null) throw error
}

async function answersTo(masters: Masters, add: (at: PipelineOf) => void): Promise<(Error | null)[]> {
  const pipelines = new Map<Redis, Pipeline>()
  add((key) => {
    const redis = masters.of(key)
    const pipeline = pipelines.get(redis) ?? redis.pipeline()
    pipelines.set(redis, pipeline)
    return pipeline
  })
  const answers = await Promise.all([...pipelines.values()].map((pipeline) => pipeline.exec()))
  return answers.flatMap((of) => of!.map(([error]) => error))
}

/** Keys of a pattern on one Redis, some at a time. One that is there throughout comes at least once. */
export async function* scanKeys(redis: Redis, pattern: string): AsyncGenerator<string[]> {
  let cursor = '0'
  do {
    const [next, page] = await redis.scan(cursor, 'MATCH', pattern, 'COUNT', PAGE_KEYS)
    yield page
    cursor = next
  } while (cursor !== '0')
}

/** The same on all. */
export async function* scanAll({ all }: Masters, pattern: string): AsyncGenerator<string[]> {
  for (const redis of all) yield* scanKeys(redis, pattern)
}

const PAGE_KEYS = 1_000
