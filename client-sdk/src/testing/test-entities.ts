import { type ClientFrame, COMMAND_CODES, type CommandEvent, type CommandResult } from '@tidegate/protocol'
import { type ConfiguredEntity, merged } from './contract.ts'
import type { Params } from './test-queries.ts'
import type { QueryAnswer } from './test-world.ts'

type CommandFrame = Extract<ClientFrame, { type: 'command' }>
type Decided = readonly { readonly type: string; readonly data: unknown }[]
type Rejected = Extract<CommandResult, { status: 'rejected' }>

interface Line {
  readonly version: number
  readonly type: string
  readonly time: number
  readonly commandId: string
  readonly data: unknown
}

interface Entity {
  state: object
  readonly lines: Line[]
}

/** A command that a client has sent, and what became of it. */
export interface ReceivedCommand {
  readonly id: string
  readonly entity: string
  readonly key: string
  readonly command: string
  readonly input: unknown
  readonly result: CommandResult
}

interface EntityContext {
  now(): number
  epochOf(key: string): string
  /** An event of `<name>.state` or `<name>.events`. */
  publish(topic: string, key: string, data: unknown): void
}

/** Entities as their definitions have them. Commands are decided at once; `on` and `then` are not run. */
export class TestEntities {
  readonly received: ReceivedCommand[] = []
  readonly #definitions: ReadonlyMap<string, ConfiguredEntity>
  readonly #context: EntityContext
  readonly #entities = new Map<string, Entity>()
  /** Command id -> content and outcome. */
  readonly #answers = new Map<string, { readonly content: string; readonly result: CommandResult }>()

  constructor(definitions: ReadonlyMap<string, ConfiguredEntity>, context: EntityContext) {
    this.#definitions = definitions
    this.#context = context
  }

  command(frame: CommandFrame): CommandResult {
    const { id, entity, key, command, input, expectedVersion } = frame
    const content = JSON.stringify([entity, key, command, input, expectedVersion])
    const known = this.#answers.get(id)
    if (known !== undefined) return known.content === content ? known.result : rejected('conflict')
    const result = this.#run(frame)
    this.#answers.set(id, { content, result })
    this.received.push({ id, entity, key, command, input, result })
    return result
  }

  query(name: string, params: Params): QueryAnswer | undefined {
    if (!['entity', 'entityHistory', 'findEntities'].includes(name)) return undefined
    const definition = this.#definitions.get(params.name as string)
    if (definition === undefined) return { code: 'not_found' }
    if (name === 'findEntities') return this.#find(definition, params)
    const entity = this.#entities.get(idOf(definition.name, params.key as string))
    if (entity === undefined || entity.lines.length === 0) return { code: 'not_found' }
    return name === 'entity'
      ? this.#moment(definition, params.key as string, entity, params)
      : history(definition, entity, params)
  }

  #run({ id, entity: name, key, command, input, expectedVersion }: CommandFrame): CommandResult {
    const definition = this.#definitions.get(name)
    if (definition === undefined) return rejected('unknown_entity')
    const handler = definition.commands.get(command)
    if (handler === undefined || handler.by === 'reaction') return rejected('unknown_command')
    const checked = handler.validate(input)
    if (!checked.ok) return { ...rejected('invalid_input', checked.message), path: checked.path }
    const entity = this.#entities.get(idOf(name, key)) ?? { state: definition.initial, lines: [] }
    const epoch = this.#context.epochOf(key)
    const version = entity.lines.length
    if (expectedVersion !== undefined && !fits(expectedVersion, version, epoch)) {
      return { ...rejected('version_conflict', `It has version ${version}@${epoch}.`), version, epoch }
    }
    const now = this.#context.now()
    let ids = 0
    const caller = { subject: 'anonymous', claims: {} }
    const context = { key, version, now, commandId: id, caller, id: () => `${id}-${ids++}` }
    try {
      const decided = handler.decide(entity.state as never, checked.data as never, context as never)
      const outcome = outcomeOf(decided)
      if ('rejected' in outcome) return { ...rejected(outcome.rejected, outcome.message), version, epoch }
      this.#apply(definition, key, entity, id, outcome.events)
      const events = outcome.events.map((event) => shownEvent(definition, event))
      const reply = 'reply' in outcome && { reply: outcome.reply }
      return { status: 'done', version: entity.lines.length, epoch, events, ...reply }
    } catch (error) {
      // A gateway does not say more than that. Here it is the test's own code.
      return rejected('handler_failed', String(error))
    }
  }

  #apply(definition: ConfiguredEntity, key: string, entity: Entity, commandId: string, events: Decided): void {
    const { name, publishes } = definition
    const time = this.#context.now()
    this.#entities.set(idOf(name, key), entity)
    for (const event of events) {
      const version = entity.lines.length + 1
      entity.state = evolved(definition, entity.state, event, { key, version, time })
      entity.lines.push({ version, type: event.type, time, commandId, data: event.data })
      const { type, ...data } = shownEvent(definition, event)
      if (publishes.has('events')) this.#context.publish(`${name}.events`, key, { type, version, commandId, ...data })
    }
    if (events.length === 0 || !publishes.has('state')) return
    this.#context.publish(`${name}.state`, key, {
      version: entity.lines.length,
      state: viewOf(definition, entity.state),
    })
  }

  #moment(definition: ConfiguredEntity, key: string, entity: Entity, { version, at }: Params): QueryAnswer {
    const isWanted = (line: Line) =>
      (version === undefined || line.version <= (version as number)) &&
      (at === undefined || line.time <= (at as number))
    const lines = entity.lines.filter(isWanted)
    const last = lines.at(-1)
    if (last === undefined) return { code: 'not_found' }
    const state = lines.reduce(
      (before, line) => evolved(definition, before, line, { key, version: line.version, time: line.time }),
      definition.initial,
    )
    const epoch = this.#context.epochOf(key)
    return { data: { key, version: last.version, epoch, time: last.time, view: viewOf(definition, state) } }
  }

  #find(definition: ConfiguredEntity, { index, value, after, limit = 100 }: Params): QueryAnswer {
    const indexed = definition.indexes.get(index as string)
    if (indexed === undefined) return { code: 'not_found' }
    const prefix = idOf(definition.name, '')
    const keys = [...this.#entities]
      .filter(([id, { state }]) => id.startsWith(prefix) && indexed(state as never) === value)
      .map(([id]) => id.slice(prefix.length))
      .sort()
      .filter((key) => after === undefined || key > (after as string))
    const found = keys.slice(0, limit as number)
    const data = found.flatMap((key) => {
      const moment = this.#moment(definition, key, this.#entities.get(idOf(definition.name, key))!, {})
      return 'data' in moment ? [moment.data] : []
    })
    return { data, ...(keys.length > found.length && { next: found.at(-1)! }) }
  }
}

const idOf = (name: string, key: string) => `${name}/${key}`

function history(definition: ConfiguredEntity, { lines }: Entity, { after = 0, limit = 1_000 }: Params): QueryAnswer {
  const rest = lines.filter(({ version }) => version > Number(after))
  const page = rest.slice(0, limit as number)
  const data = page.map(({ version, type, time, commandId, data }) => ({
    ...{ version, time, commandId, definition: definition.version },
    ...shownEvent(definition, { type, data }),
  }))
  return { data, ...(rest.length > page.length && { next: String(page.at(-1)!.version) }) }
}

function rejected(code: string, message?: string): Rejected {
  const known = COMMAND_CODES[code as keyof typeof COMMAND_CODES]
  return { status: 'rejected', code, message: message ?? known ?? code }
}

function fits(expected: number | string, version: number, epoch: string): boolean {
  const [number, under = epoch] = String(expected).split('@')
  return Number(number) === version && under === epoch
}

/** What `decide` returned: events, `reject()` or `reply()`. */
function outcomeOf(decided: unknown): { rejected: string; message: string } | { events: Decided; reply?: unknown } {
  return Array.isArray(decided) ? { events: decided } : (decided as ReturnType<typeof outcomeOf>)
}

function evolved(
  { events }: ConfiguredEntity,
  state: object,
  { type, data }: Decided[number],
  context: object,
): object {
  const evolve = events.get(type)?.evolve
  return evolve === undefined
    ? merged(state, data)
    : (evolve(state as never, data as never, context as never) as object)
}

function viewOf({ view }: ConfiguredEntity, state: object): unknown {
  return view === undefined ? state : view(state as never)
}

function shownEvent({ view, publicOf }: ConfiguredEntity, event: Decided[number]): CommandEvent {
  if (publicOf === undefined) return view === undefined ? event : { type: event.type }
  const data = publicOf(event)
  return data === undefined ? { type: event.type } : { type: event.type, data }
}
