import { type Position, parsePosition } from '@tidegate/protocol'
import { isStreamId } from '../bus/index.ts'
import { quoted } from '../quoted.ts'
import { optionalText, type Params, text } from './params.ts'
import { QueryError } from './query-error.ts'

/** A position in a partition that exists. @throws QueryError `invalid_position` */
export function position(params: Params, name: string, partitions: number): Position {
  const source = text(params, name)
  const parsed = parsePosition(source)
  if (parsed === undefined || !isStreamId(parsed.streamId)) {
    throw new QueryError('invalid_position', `${name}: ${quoted(source)} is not a position`)
  }
  if (parsed.partition < partitions) return parsed
  throw new QueryError('invalid_position', `${name}: ${source} lies in a partition that does not exist`)
}

export function optionalPosition(params: Params, name: string, partitions: number): Position | undefined {
  return optionalText(params, name) === undefined ? undefined : position(params, name, partitions)
}
