import { isLane, LANES, LIMITS } from '@tidegate/protocol'
import { narrowed, type Seen } from '../access/index.ts'
import { FilterError, noSuchField, openFilter } from '../filter/index.ts'
import type { GapRange } from './gap-events.ts'
import { optionalPosition, position } from './log-position.ts'
import { isText, optionalText, type Params, text } from './params.ts'
import { QueryError } from './query-error.ts'

/**
 * The range of a `gap` frame and its subscription's selection.
 *
 * @param seen what the one who asks may see
 * @throws QueryError
 */
export function gapRange(params: Params, partitions: number, seen: Seen): GapRange {
  const { lane, keys } = params
  if (!isLane(lane)) throw new QueryError('invalid_frame', `lane: expected one of ${LANES.join(', ')}`)
  const upTo = position(params, 'upTo', partitions)
  const after = optionalPosition(params, 'after', partitions)
  if (after !== undefined && after.partition !== upTo.partition) throw new QueryError('invalid_position')
  const { sight } = seen
  const scope = narrowed(seen.scope, keySet(keys))
  const where = filter(params)
  const unseen = where && sight?.unseen(where.fields, scope)
  if (unseen !== undefined) throw new QueryError('invalid_filter', `where: ${noSuchField(unseen)}`)
  return { topic: text(params, 'topic'), lane, after, upTo, scope, sight, filter: where }
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
