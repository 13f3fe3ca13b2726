import { formatVersion } from '../../entities/index.ts'
import type { EntityQueries, Params } from '../../queries/index.ts'
import type { HttpResponse } from '../transport/transport.ts'
import { decodePath } from './decode-path.ts'
import { errorReply, type WriteJson } from './replies.ts'

/** `/v1/entities/<entity>`, `/v1/entities/<entity>/<key>` and `/v1/entities/<entity>/<key>/history`, still encoded. */
const FOUND_PATH = /^\/v1\/entities\/([^/]+)$/
const ENTITY_PATH = /^\/v1\/entities\/([^/]+)\/([^/]+)$/
const HISTORY_PATH = /^\/v1\/entities\/([^/]+)\/([^/]+)\/history$/
export const ENTITY_PATHS: readonly RegExp[] = [FOUND_PATH, ENTITY_PATH, HISTORY_PATH]
/** Parameters of a search that name no index. */
const PAGE_PARAMS: ReadonlySet<string> = new Set(['limit', 'after'])
const DEFAULT_HISTORY = 100

/** @param path one of `ENTITY_PATHS` @throws QueryError, BusUnavailable */
export async function askEntities(
  queries: EntityQueries,
  path: string,
  params: Params,
  write: WriteJson,
): Promise<HttpResponse> {
  const history = HISTORY_PATH.exec(path)
  const parts = decodePath((history ?? ENTITY_PATH.exec(path) ?? FOUND_PATH.exec(path))!)
  if (parts === undefined) return errorReply('invalid_frame', 'The path is not percent-encoded UTF-8.')
  const [name, key] = parts as [string, string | undefined]
  if (key === undefined) return write(await queries.find({ ...params, name, ...searchOf(params) }))
  if (history !== null) return write(await queries.history({ limit: DEFAULT_HISTORY, ...params, name, key }))
  const entity = await queries.entity({ ...params, name, key })
  return write(entity, { etag: `"${formatVersion(entity)}"` })
}

/** The one parameter that is no page is an index and its value. */
function searchOf(params: Params): { readonly index?: string; readonly value?: unknown } {
  const [index, ...others] = Object.keys(params).filter((name) => !PAGE_PARAMS.has(name))
  return index === undefined || others.length > 0 ? {} : { index, value: params[index] }
}
