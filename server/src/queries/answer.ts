import { type ErrorCode, RETRYABLE } from '@tidegate/protocol'
import { BusUnavailable } from '../bus/index.ts'
import { quoted } from '../quoted.ts'
import type { Params } from './params.ts'
import type { CallerQueries } from './queries.ts'
import { QueryError } from './query-error.ts'

export type QueryAnswer =
  | { readonly type: 'result'; readonly data: unknown; readonly complete?: boolean; readonly next?: string }
  | QueryFailure

export interface QueryFailure {
  readonly type: 'error'
  readonly code: ErrorCode
  readonly message: string
  readonly retryable: boolean
}

/** Runs a query by its name on the wire. @throws any error that `failureOf` does not know: a defect of the server */
export async function answerQuery(queries: CallerQueries, name: string, params: Params): Promise<QueryAnswer> {
  try {
    return await run(queries, name, params)
  } catch (error) {
    const failure = failureOf(error)
    if (failure === undefined) throw error
    return failure
  }
}

/** Every query that `answerQuery` serves. */
export const QUERY_NAMES = ['topics', 'window', 'history', 'gap', 'entity', 'entityHistory', 'findEntities'] as const
type QueryName = (typeof QUERY_NAMES)[number]

function isQueryName(name: string): name is QueryName {
  return QUERY_NAMES.some((known) => known === name)
}

async function run(queries: CallerQueries, name: string, params: Params): Promise<QueryAnswer> {
  if (!isQueryName(name)) {
    const served = QUERY_NAMES.join(', ')
    throw new QueryError('unknown_query', `No query ${quoted(name)}: this version serves ${served} and ledger.`)
  }
  switch (name) {
    case 'topics':
      return { type: 'result', data: queries.topics() }
    case 'window': {
      const { results, next } = await queries.window(params)
      return { type: 'result', data: results, ...(next !== undefined && { next }) }
    }
    case 'history': {
      const { events, ...rest } = await queries.history(params)
      return { type: 'result', data: events, ...rest }
    }
    case 'entity':
      return { type: 'result', data: await queries.entities.entity(params) }
    case 'entityHistory': {
      const { events, next } = await queries.entities.history(params)
      return { type: 'result', data: events, ...(next !== undefined && { next: String(next) }) }
    }
    case 'findEntities': {
      const { entities: found, next } = await queries.entities.find(params)
      return { type: 'result', data: found, ...(next !== undefined && { next }) }
    }
    case 'gap':
      return { type: 'result', data: await queries.gap(params) }
  }
}

/** The failure to report to a caller, on the wire or over HTTP; `undefined` for an unexpected error. */
export function failureOf(error: unknown): QueryFailure | undefined {
  if (error instanceof QueryError) {
    return { type: 'error', code: error.code, message: error.message, retryable: RETRYABLE.has(error.code) }
  }
  if (error instanceof BusUnavailable)
    return { type: 'error', code: 'unavailable', message: UNAVAILABLE, retryable: true }
  return undefined
}

const UNAVAILABLE = 'Redis does not answer in time. Ask again.'
