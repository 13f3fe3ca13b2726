import { specHash } from '../config/changes/hash.ts'
import type { EntityDefinition } from '../config/contract/entity-model.ts'
import type { Contract, FlowTopic, SourceTopic, TopicDefinition, WindowTopic } from '../config/contract/model.ts'
import { pathsRead } from '../operators/index.ts'
import { FieldReader } from './field-reader.ts'

/** An entry of its trail, most likely, and its state with what it is found by. */
const WRITES_PER_ENTITY = 4

/** The topic DAG for workers: for each topic, the stages that read it. */
export class Pipeline {
  /** Topics clients publish to that something is computed from. */
  readonly inputs: readonly SourceTopic[]
  /** Every window, keyed or over all keys. */
  readonly windows: readonly WindowTopic[]
  readonly contract: Contract
  /** Window -> hash of everything its state depends on. */
  readonly versions: Readonly<Record<string, string>>
  readonly #flows = new Map<string, FlowTopic[]>()
  readonly #windows = new Map<string, WindowTopic[]>()
  readonly #entities = new Map<string, EntityDefinition[]>()
  readonly #readers: ReadonlyMap<string, FieldReader | undefined>

  constructor(contract: Contract) {
    this.contract = contract
    const topics = [...contract.topics.values()]
    for (const topic of topics) {
      if (topic.kind === 'flow') push(this.#flows, topic.from, topic)
      if (topic.kind === 'window') for (const input of topic.from) push(this.#windows, input, topic)
    }
    for (const entity of contract.entities.values())
      for (const topic of entity.on.keys()) push(this.#entities, topic, entity)
    this.windows = topics.filter((topic) => topic.kind === 'window')
    this.versions = Object.fromEntries(this.windows.map((window) => [window.name, specHash(window, contract.topics)]))
    this.inputs = topics
      .filter(isSource)
      .filter(({ name }) => this.flowsOf(name).length + this.windowsOf(name).length + this.entitiesOf(name).length > 0)
    this.#readers = new Map(this.inputs.map((input) => [input.name, this.#fieldReader(input)]))
  }

  flowsOf(topic: string): readonly FlowTopic[] {
    return this.#flows.get(topic) ?? []
  }

  windowsOf(topic: string): readonly WindowTopic[] {
    return this.#windows.get(topic) ?? []
  }

  /** Entities that fold a topic. */
  entitiesOf(topic: string): readonly EntityDefinition[] {
    return this.#entities.get(topic) ?? []
  }

  /** Reads what is needed of the data of an input's events; `undefined` where code is given all of it. */
  readerOf(input: string): FieldReader | undefined {
    return this.#readers.get(input)
  }

  #fieldReader({ name, plain }: SourceTopic): FieldReader | undefined {
    if (plain === undefined || this.flowsOf(name).length + this.entitiesOf(name).length > 0) return undefined
    const paths = new Set<string>()
    for (const { spec, where } of this.windowsOf(name)) {
      const read = where === undefined ? pathsRead(spec) : undefined
      if (read === undefined) return undefined
      for (const path of read) paths.add(path)
    }
    return FieldReader.of(plain.object, [...paths])
  }

  get hasEntitiesOnTopics(): boolean {
    return this.#entities.size > 0
  }

  /** Entities that an event of a topic may touch, through flows as well. They have its key. */
  entitiesBehind(topic: string): readonly EntityDefinition[] {
    return [...this.entitiesOf(topic), ...this.flowsOf(topic).flatMap(({ name }) => this.entitiesBehind(name))]
  }

  /** How many states an event of a topic may change, through flows as well. */
  statesBehind(topic: string): number {
    const behindFlows = this.flowsOf(topic).reduce((sum, { name }) => sum + this.statesBehind(name), 0)
    const ofEntities = behindFlows + WRITES_PER_ENTITY * this.entitiesOf(topic).length
    return this.windowsOf(topic).reduce((sum, { spec }) => sum + (spec.clockPer === 'partition' ? 1 : 2), ofEntities)
  }

  /** The source topics that a topic is computed from, by flows and windows. */
  sourcesOf(topic: string): readonly string[] {
    const definition = this.contract.topics.get(topic)
    switch (definition?.kind) {
      case 'source':
        return [topic]
      case 'flow':
        return this.sourcesOf(definition.from)
      case 'window':
        return [...new Set(definition.from.flatMap((input) => this.sourcesOf(input)))]
      default:
        return []
    }
  }

  /** The source topics from which a topic is computed by flows alone, without a window in between. */
  rootsOf(topic: string): readonly string[] {
    const definition = this.contract.topics.get(topic)
    switch (definition?.kind) {
      case 'source':
        return [topic]
      case 'flow':
        return this.rootsOf(definition.from)
      default:
        return []
    }
  }
}

function isSource(topic: TopicDefinition): topic is SourceTopic {
  return topic.kind === 'source'
}

function push<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key)
  if (list === undefined) map.set(key, [value])
  else list.push(value)
}
