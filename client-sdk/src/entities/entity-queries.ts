import { ABORTABLE } from '../application/abort-signal.ts'
import { expectOptions } from '../application/arguments.ts'
import type {
  EntityMoment,
  FailedEntity,
  FindOptions,
  FoundPage,
  GetOptions,
  HistoryEvent,
  HistoryOptions,
} from '../application/entity-types.ts'
import { type Asks, pagesOf } from '../reads/read.ts'

/** An entity as an answer has it. */
type Answered = Omit<EntityMoment<unknown>, 'at'>
type UntypedEvent = HistoryEvent<{ readonly type: string; readonly data: unknown }>

const PAGE_OPTIONS = { limit: 'a number', ...ABORTABLE } as const

export async function getEntity(
  client: Asks,
  name: string,
  key: string,
  options: GetOptions,
): Promise<EntityMoment<unknown>> {
  expectOptions('get', { version: 'a number', at: 'a number', minVersion: null, ...ABORTABLE }, options)
  const { signal, ...moment } = options
  const { data } = await client.queryPage('entity', { name, key, ...moment }, { signal })
  return withAt(data as Answered)
}

/** The events of an entity, page by page, oldest first. */
export async function* historyPages(
  client: Asks,
  name: string,
  key: string,
  options: HistoryOptions,
): AsyncGenerator<readonly UntypedEvent[], void, undefined> {
  expectOptions('history', { after: 'a number', ...PAGE_OPTIONS }, options)
  const { after = 0, limit, signal } = options
  for await (const page of pagesOf(client, 'entityHistory', { name, key, limit }, { signal }, String(after)))
    yield page as readonly UntypedEvent[]
}

/** The entities with a value in an index, page by page. */
export async function* foundPages(
  client: Asks,
  params: { readonly name: string; readonly index: string; readonly value: string },
  options: FindOptions,
): AsyncGenerator<FoundPage<unknown>, void, undefined> {
  expectOptions('findEntities', PAGE_OPTIONS, options)
  const { limit, signal } = options
  for await (const page of pagesOf(client, 'findEntities', { ...params, limit }, { signal })) {
    const found = page as readonly (Answered | FailedEntity)[]
    const failed = found.filter((entity) => 'failed' in entity)
    yield Object.assign(found.filter((entity) => 'view' in entity).map(withAt), { failed })
  }
}

function withAt(answer: Answered): EntityMoment<unknown> {
  return { ...answer, at: `${answer.version}@${answer.epoch}` }
}
