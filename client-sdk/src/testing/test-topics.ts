import { type EventInput, type Lane, LIMITS, type RejectedEvent } from '@tidegate/protocol'
import { utf8Bytes } from '../utf8-bytes.ts'
import { type ConfiguredTopic, type Contract, FLOW_OPS, type Validation } from './contract.ts'
import type { NewEvent } from './test-log.ts'

/** A topic of a test server. */
export interface TestTopic {
  readonly name: string
  readonly kind: ConfiguredTopic['kind']
  /** Topics like windows have a latest event for each key, of which a snapshot consists. */
  readonly hasLatest: boolean
  readonly maxFutureMs: number
  readonly keyOf: (data: unknown) => unknown
  readonly laneOf: (data: unknown) => Lane
  readonly validate: (data: unknown) => Validation
}

type Field<Data> = unknown extends Data ? string : keyof Data & string

/** A topic that is declared for the test, where no config is given. */
export interface TopicOptions<Data = unknown> {
  /** The field of the data that is the key. Default `key`, as panes have it. */
  readonly key?: Field<Data> | ((data: Data) => string)
  readonly priority?: Lane | ((data: Data) => Lane)
  /** A zod schema, or anything like it: what does not fit is refused as `invalid_data`. Absent: everything fits. */
  readonly schema?: TestSchema
  /** `true`: it is a topic of results, such as a window. Only the test publishes to it, and it has snapshots. */
  readonly isResult?: boolean
}

/** The part of a zod schema that is used. */
export interface TestSchema {
  safeParse(data: unknown):
    | { readonly success: true; readonly data: unknown }
    | {
        readonly success: false
        readonly error: {
          readonly issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[]
        }
      }
}

export type AnyTopicOptions = TopicOptions<Record<string, unknown>>

export function declaredTopic(
  name: string,
  { key = 'key', priority, schema, isResult = false }: AnyTopicOptions,
): TestTopic {
  return {
    name,
    kind: isResult ? 'window' : 'source',
    hasLatest: isResult,
    maxFutureMs: LIMITS.maxFutureMs,
    keyOf: (data) => (typeof key === 'function' ? key(data as never) : (data as Record<string, unknown>)[key]),
    laneOf: (data) => (typeof priority === 'function' ? priority(data as never) : (priority ?? 'normal')),
    validate: (data) => (schema === undefined ? { ok: true, data } : validated(schema, data)),
  }
}

/** The topics of a config, with those that flows make of them. */
export function configuredTopics({ topics }: Contract): TestTopic[] {
  return [...topics.values()].map((topic) => ({
    name: topic.name,
    kind: topic.kind,
    hasLatest: ['window', 'state', 'presence'].includes(topic.kind),
    maxFutureMs: topic.maxFutureMs ?? LIMITS.maxFutureMs,
    keyOf: (data) => (data as Record<string, unknown>)[topic.keyField ?? 'key'],
    laneOf: (data) => topic.laneOf?.(data) ?? topic.lane ?? 'normal',
    validate: (data) => topic.validate?.(data) ?? { ok: true, data },
  }))
}

/** What the flows of a config make of an event: topic and data of each. */
export function flowsFrom({ topics }: Contract, topic: string, data: unknown): { topic: string; data: unknown }[] {
  const flows = [...topics.values()].filter(({ kind, from }) => kind === 'flow' && from === topic)
  return flows.flatMap(({ name, steps = [] }) => {
    let value: unknown = data
    for (const { op, apply } of steps) {
      const result = apply(value)
      if (op === FLOW_OPS.map) value = result
      else if (result !== true) return []
    }
    return [{ topic: name, data: value }, ...flowsFrom({ topics, entities: new Map() }, name, value)]
  })
}

type Checked = { readonly event: NewEvent } | { readonly refused: Omit<RejectedEvent, 'index'> }

/** Checks an event as a gateway does, and stamps it. */
export function checkEvent(topic: TestTopic, input: EventInput, now: number, nextId: () => string): Checked {
  if (typeof input !== 'object' || input === null) return refused('invalid_event', 'expected an object with data')
  const { id = nextId(), time = now, source, data } = input
  if (!Number.isSafeInteger(time)) return refused('invalid_time', 'expected an integer of ms since 1970', 'time')
  if (time > now + topic.maxFutureMs) {
    return refused('time_in_future', `${time - now} ms ahead of the server, at most ${topic.maxFutureMs}`, 'time')
  }
  const checked = topic.validate(data)
  if (!checked.ok) return refused('invalid_data', checked.message, checked.path)
  const key = topic.keyOf(checked.data)
  if (typeof key !== 'string') return refused('invalid_data', 'expected a string as the key')
  if (key === '' || utf8Bytes(key) > LIMITS.keyBytes) {
    return refused('key_too_long', `expected 1 to ${LIMITS.keyBytes} bytes`)
  }
  const lane = topic.laneOf(checked.data)
  return { event: { id, key, time, ...(source !== undefined && { source }), data: checked.data, lane } }
}

function refused(code: RejectedEvent['code'], message: string, path?: string): Checked {
  return { refused: { code, message, ...(path !== undefined && { path }) } }
}

function validated(schema: TestSchema, data: unknown): Validation {
  const parsed = schema.safeParse(data)
  if (parsed.success) return { ok: true, data: parsed.data }
  const { path = [], message = 'it does not fit the schema' } = parsed.error.issues[0] ?? {}
  return { ok: false, path: path.join('.'), message }
}
