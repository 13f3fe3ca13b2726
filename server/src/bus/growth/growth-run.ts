import type { Redis } from '../connection.ts'
import type { Division } from './division.ts'
import type { GrowthPlan } from './growth-plan.ts'

/** What the steps of one growth share. */
export interface GrowthRun {
  readonly redis: Redis
  readonly division: Division
  readonly plan: GrowthPlan
  /** The epoch that each partition begins with. */
  readonly epochs: readonly string[]
  readonly stopped: AbortSignal
  /** Called with what was copied or moved since the last call. */
  readonly onDone: (entries: number) => void
}

type Pipeline = ReturnType<Redis['pipeline']>

/** Sends commands together. @throws the first error that Redis answers with */
export async function sendTogether(redis: Redis, add: (pipeline: Pipeline) => void): Promise<void> {
  const error = (await answersTo(redis, add)).find((answer) => answer !== null)
  if (error != null) throw error
}

/** The same of renames, of which some may have been done: a scan may give a key twice. */
export async function renameTogether(redis: Redis, add: (pipeline: Pipeline) => void): Promise<void> {
  const error = (await answersTo(redis, add)).find((answer) => answer !== null && !/no such key/.test(answer.message))
  if (error != null) throw error
}

async function answersTo(redis: Redis, add: (pipeline: Pipeline) => void): Promise<(Error | null)[]> {
  const pipeline = redis.pipeline()
  add(pipeline)
  return pipeline.length === 0 ? [] : (await pipeline.exec())!.map(([error]) => error)
}

/** Keys of a pattern, some at a time. One that is there throughout comes at least once. */
export async function* scanKeys(redis: Redis, pattern: string): AsyncGenerator<string[]> {
  let cursor = '0'
  do {
    const [next, page] = await redis.scan(cursor, 'MATCH', pattern, 'COUNT', PAGE_KEYS)
    yield page
    cursor = next
  } while (cursor !== '0')
}

const PAGE_KEYS = 1_000
