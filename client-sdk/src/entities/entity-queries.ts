import type { Abortable } from '../abort-signal.ts'
import type { QueryPage } from '../queries.ts'
import type {
  EntityMoment,
  FailedEntity,
  FindOptions,
  FoundPage,
  GetOptions,
  HistoryEvent,
  HistoryOptions,
} from './entity-types.ts'

type Params = Readonly<Record<string, unknown>>
/** Runs a query by its name. */
export type Ask = (query: string, params: Params, options: Abortable) => Promise<QueryPage>

/** An entity as an answer has it. */
type Answered = Omit<EntityMoment<unknown>, 'at'>
type UntypedEvent = HistoryEvent<{ readonly type: string; readonly data: unknown }>

export async function getEntity(
  ask: Ask,
  name: string,
  key: string,
  { signal, ...options }: GetOptions,
): Promise<EntityMoment<unknown>> {
  const { data } = await ask('entity', { name, key, ...options }, { signal })
  return withAt(data as Answered)
}

/** The events of an entity, page by page, oldest first. */
export async function* historyPages(
  ask: Ask,
  name: string,
  key: string,
  { after = 0, limit, signal }: HistoryOptions,
): AsyncGenerator<readonly UntypedEvent[], void, undefined> {
  const params = { name, key, ...(limit !== undefined && { limit }) }
  for await (const page of pages(ask, 'entityHistory', params, String(after), { signal }))
    yield page as readonly UntypedEvent[]
}

/** The entities with a value in an index, page by page. */
export async function* foundPages(
  ask: Ask,
  params: { readonly name: string; readonly index: string; readonly value: string },
  { signal, ...options }: FindOptions,
): AsyncGenerator<FoundPage<unknown>, void, undefined> {
  for await (const page of pages(ask, 'findEntities', { ...params, ...options }, undefined, { signal })) {
    const found = page as readonly (Answered | FailedEntity)[]
    const failed = found.filter((entity) => 'failed' in entity)
    yield Object.assign(found.filter((entity) => 'view' in entity).map(withAt), { failed })
  }
}

async function* pages(
  ask: Ask,
  query: string,
  params: Params,
  from: string | undefined,
  options: Abortable,
): AsyncGenerator<unknown, void, undefined> {
  let after = from
  do {
    const { data, next } = await ask(query, after === undefined ? params : { ...params, after }, options)
    yield data
    after = next
  } while (after !== undefined)
}

function withAt(answer: Answered): EntityMoment<unknown> {
  return { ...answer, at: `${answer.version}@${answer.epoch}` }
}
