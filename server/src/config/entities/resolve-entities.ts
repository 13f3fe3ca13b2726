import { ANSWER_ERROR_CODES, COMMAND_CODES, isTopicName } from '@tidegate/protocol'
import { ZodType } from 'zod'
import { isRecord } from '../../json-fields.ts'
import { knownOptions, positiveMs, wholeVersion } from '../checked-option.ts'
import { type ConfigProblem, checked, problemsOf, TopicProblem } from '../config-error.ts'
import type {
  CommandSender,
  EntityCommandDefinition,
  EntityDefinition,
  EntityEventDefinition,
} from '../contract/entity-model.ts'
import type { EntityTopic } from '../contract/model.ts'
import type { Declaration } from '../declarations/declaration.ts'
import type { EntityDeclaration, UncheckedEntityOptions } from '../declarations/entity-declaration.ts'
import { DEFAULT_RETENTION } from '../defaults.ts'
import { isInheritedName } from '../inherited-name.ts'
import { jsonSchemas, validator } from '../schema/schema.ts'
import { bad, optionalFunction, record, requiredFunction } from './checked-member.ts'
import { foldedTopics, historyOf } from './folded-topics.ts'
import { reactionHandlers } from './reaction-handlers.ts'

const CODE = /^[a-z][a-z0-9_]{0,63}$/
const MEMBER_NAME = /^[A-Za-z][A-Za-z0-9_]{0,63}$/
/** Options of an entity, for the message about one that it does not have. */
const OPTIONS =
  'key version state events evolve rejections commands from on then outcome history migrate view public indexes upcast publish'.split(
    ' ',
  )

/** Checks the declared entities. Problems are added to the list, one entity each. */
export function resolveEntities(
  declared: readonly EntityDeclaration[],
  listed: ReadonlySet<Declaration>,
  problems: ConfigProblem[],
): Map<string, EntityDefinition> {
  const resolved = new Map<string, EntityDefinition>()
  for (const declaration of declared) {
    const { name, place } = declaration
    try {
      if (resolved.has(name)) throw new TopicProblem('duplicate_name', `the name ${name} is taken by another entity`)
      resolved.set(name, resolveEntity(declaration, listed))
    } catch (problem) {
      for (const { code, message } of problemsOf(problem)) problems.push({ code, topic: String(name), message, place })
    }
  }
  return resolved
}

function resolveEntity(declaration: EntityDeclaration, listed: ReadonlySet<Declaration>): EntityDefinition {
  const { name, options } = declaration
  if (typeof name !== 'string' || !isTopicName(name) || name.includes('.')) {
    throw new TopicProblem('bad_name', `${JSON.stringify(name)} is not the name of an entity: one lower-case word`)
  }
  if (isInheritedName(name)) throw new TopicProblem('bad_name', inherited(name))
  if (!isRecord(options)) throw bad('its second argument must be an object of options')
  knownOptions(options, OPTIONS, 'bad_entity')
  if (typeof options.key !== 'string' || options.key === '') throw bad('key must be what the key is called')
  const initial = options.state?.initial
  if (!isRecord(initial)) throw bad('state must be { initial }, an object')
  const version = wholeVersion('version', options.version, 'evolve, upcast or the shape of the state')
  const history = historyOf(options)
  const migrate = optionalFunction('migrate', options.migrate) as EntityDefinition['migrate']
  if (history !== undefined && version > 1 && migrate === undefined) {
    throw bad('migrate must be there from version 2 on: of its events only those of its history can be folded anew')
  }
  const { handlers, ...parts } = checked({
    events: () => eventsOf(options, version),
    commands: () => commandsOf(options),
    rejections: () => rejectionsOf(options),
    on: () => foldedTopics(options, listed),
    handlers: () => reactionHandlers(declaration),
    publishes: () => publishesOf(options),
    view: () => optionalFunction('view', options.view) as EntityDefinition['view'],
    publicOf: () => optionalFunction('public', options.public) as EntityDefinition['publicOf'],
    indexes: () => indexesOf(options),
  })
  return { name, keyField: options.key, version, initial: frozenJson(initial), ...parts, ...handlers, history, migrate }
}

function eventsOf({ events, evolve, upcast = {} }: UncheckedEntityOptions, version: number) {
  const schemas = record('events', events)
  const handlers = record('evolve', evolve)
  const stray = Object.keys(handlers).find((type) => !Object.hasOwn(schemas, type))
  if (stray !== undefined) throw bad(`evolve.${stray} is for no event; add ${stray} to events`)
  const upcasts = record('upcast', upcast)
  const strayUpcast = Object.keys(upcasts).find((type) => !Object.hasOwn(schemas, type))
  if (strayUpcast !== undefined) throw bad(`upcast.${strayUpcast} is for no event; add ${strayUpcast} to events`)
  return new Map(
    Object.entries(schemas).map(([type, schema]): [string, EntityEventDefinition] => {
      checkMember('event', type)
      const { validate, jsonSchema } = schemaOf(`events.${type}`, schema)
      const handler = requiredFunction(`evolve.${type}`, handlers[type])
      return [type, { validate, jsonSchema, evolve: handler, upcasts: upcastsOf(type, upcasts[type], version) }]
    }),
  )
}

function upcastsOf(type: string, declared: unknown, version: number): EntityEventDefinition['upcasts'] {
  if (declared === undefined) return new Map()
  return new Map(
    Object.entries(record(`upcast.${type}`, declared)).map(([from, upcast]) => {
      const number = Number(from)
      if (!Number.isSafeInteger(number) || number < 1 || number >= version) {
        throw bad(`upcast.${type}.${from} must be a version below ${version}`)
      }
      return [number, requiredFunction(`upcast.${type}.${from}`, upcast)]
    }),
  )
}

function commandsOf({ commands }: UncheckedEntityOptions): EntityDefinition['commands'] {
  return new Map(
    Object.entries(record('commands', commands)).map(([name, command]): [string, EntityCommandDefinition] => {
      checkMember('command', name)
      const { input, decide, by = 'both' } = record(`commands.${name}`, command)
      if (!isSender(by)) throw bad(`commands.${name}.by must be 'client', 'reaction' or 'both'`)
      const { validate, jsonSchema } = schemaOf(`commands.${name}.input`, input)
      return [name, { by, validate, jsonSchema, decide: requiredFunction(`commands.${name}.decide`, decide) }]
    }),
  )
}

function isSender(by: unknown): by is CommandSender {
  return by === 'client' || by === 'reaction' || by === 'both'
}

function rejectionsOf({ rejections = [] }: UncheckedEntityOptions): ReadonlySet<string> {
  if (!Array.isArray(rejections)) throw bad('rejections must be a list of codes')
  const wrong = rejections.find((code) => typeof code !== 'string' || !CODE.test(code))
  if (wrong !== undefined) throw bad(`rejections: ${JSON.stringify(wrong)} is not a code such as already_exists`)
  const ofObjects = rejections.find(isInheritedName)
  if (ofObjects !== undefined) throw bad(`rejections: ${inherited(ofObjects)}`)
  const taken = rejections.find((code) => Object.hasOwn(COMMAND_CODES, code) || ANSWER_ERROR_CODES.has(code))
  if (taken !== undefined) throw bad(`rejections: ${taken} is a code of Tidegate; choose another`)
  return new Set(rejections)
}

function publishesOf({ publish = [] }: UncheckedEntityOptions): EntityDefinition['publishes'] {
  const isLive = (topic: unknown) => topic === 'state' || topic === 'events'
  if (!Array.isArray(publish) || !publish.every(isLive)) throw bad("publish must be a list of 'state' and 'events'")
  return new Set(publish)
}

/** The topics that entities publish. A name that is taken is a problem of theirs. */
export function entityTopics(
  entities: Iterable<EntityDefinition>,
  taken: ReadonlySet<string>,
  problems: ConfigProblem[],
): EntityTopic[] {
  const topics: EntityTopic[] = []
  for (const { name: entity, publishes } of entities) {
    for (const kind of publishes) {
      const name = `${entity}.${kind}`
      if (taken.has(name)) {
        problems.push({
          code: 'duplicate_name',
          topic: entity,
          message: `it publishes ${name}, which is another topic`,
        })
      }
      topics.push({
        kind,
        name,
        entity,
        retentionMs: positiveMs('retention', DEFAULT_RETENTION.entity),
        lane: 'normal',
      })
    }
  }
  return topics
}

function indexesOf({ indexes = {} }: UncheckedEntityOptions): EntityDefinition['indexes'] {
  return new Map(
    Object.entries(record('indexes', indexes)).map(([name, value]) => {
      checkMember('index', name)
      return [name, requiredFunction(`indexes.${name}`, value) as (state: object) => string | undefined]
    }),
  )
}

function schemaOf(option: string, schema: unknown) {
  if (!(schema instanceof ZodType))
    throw new TopicProblem('bad_schema', `${option} is not a zod schema: z.object({ ... })`)
  return { validate: validator(schema), jsonSchema: jsonSchemas(schema).published }
}

const inherited = (name: string) => `${name} is a name that every object has`

function checkMember(kind: string, name: string): void {
  if (isInheritedName(name)) throw bad(inherited(name))
  if (!MEMBER_NAME.test(name))
    throw bad(
      `${JSON.stringify(name)} is not the name of ${kind === 'command' ? 'a' : 'an'} ${kind}: a word of letters, digits and _`,
    )
}

/** The initial state as it would come back from Redis. */
function frozenJson(initial: object): object {
  try {
    return JSON.parse(JSON.stringify(initial)) as object
  } catch (cause) {
    throw new TopicProblem('bad_entity', `state.initial cannot be written as JSON: ${(cause as Error).message}`, {
      cause,
    })
  }
}
