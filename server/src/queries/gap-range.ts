import { isLane, LANES, LIMITS, type Position, parsePosition } from '@tidegate/protocol'
import { FilterError, openFilter } from '../filter/index.ts'
import type { GapRange } from './gap-events.ts'
import { isText, optionalText, type Params, text } from './params.ts'
import { QueryError } from './query-error.ts'

/** The range of a `gap` frame, and what its subscription matched. @throws QueryError */
export function gapRange(params: Params): GapRange {
  const { lane, keys } = params
  if (!isLane(lane)) throw new QueryError('invalid_frame', `lane: expected one of ${LANES.join(', ')}`)
  const upTo = position(text(params, 'upTo'))
  const afterText = optionalText(params, 'after')
  const after = afterText === undefined ? undefined : position(afterText)
  if (after !== undefined && after.partition !== upTo.partition) throw new QueryError('invalid_position')
  return { topic: text(params, 'topic'), lane, after, upTo, keys: keySet(keys), filter: filter(params) }
}

function position(source: string): Position {
  const parsed = parsePosition(source)
  if (parsed === undefined) throw new QueryError('invalid_position', `${source} is not a position`)
  return parsed
}

function keySet(keys: unknown): ReadonlySet<string> | undefined {
  if (keys === undefined) return undefined
  if (Array.isArray(keys) && keys.length <= LIMITS.subscriptionKeys && keys.every(isText)) {
    return new Set(keys)
  }
  throw new QueryError(
    'invalid_frame',
    `keys: expected at most ${LIMITS.subscriptionKeys} strings without lone surrogates`,
  )
}

function filter(params: Params): GapRange['filter'] {
  const where = optionalText(params, 'where')
  try {
    return where === undefined ? undefined : openFilter(where)
  } catch (error) {
    if (error instanceof FilterError) throw new QueryError('invalid_filter', `where: ${error.message}`)
    throw error
  }
}
