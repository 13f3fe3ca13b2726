import { isSampled } from '@tidegate/protocol'
import {
  COMMANDS_TOPIC,
  type EventBody,
  encodeEvent,
  LETTER_TOO_DEEP,
  type StoredEvent,
  traceMembers,
} from '../bus/index.ts'
import type { Contract, FlowTopic } from '../config/contract/model.ts'
import { applyFlow } from '../operators/index.ts'
import { withinTimeLimit } from '../time-limit.ts'
import { deadLetterNames } from './dead-letter-names.ts'
import type { DeadLetter } from './letter.ts'

export type Rerun =
  | { readonly kind: 'results'; readonly results: readonly (readonly [topic: string, event: StoredEvent])[] }
  | { readonly kind: 'stays'; readonly why: string }

/** What a letter leads to now: results of the flow that threw and of those behind it, or the event again. */
export function rerun(contract: Contract, letter: DeadLetter): Rerun {
  const why = whyItStays(contract, letter.topic) ?? (letter.cause === LETTER_TOO_DEEP ? WITHOUT_DATA : undefined)
  if (why !== undefined) return { kind: 'stays', why }
  let results: Rerun & { kind: 'results' } = { kind: 'results', results: [] }
  const run = () => {
    results = { kind: 'results', results: [...resultsOf(contract, letter)] }
  }
  try {
    return withinTimeLimit(run) ? results : { kind: 'stays', why: 'its code did not return in time' }
  } catch (error) {
    return { kind: 'stays', why: error instanceof Error ? error.message : String(error) }
  }
}

const WITHOUT_DATA = 'its data are not kept: publish it again'

/** Why no letter of a topic can be redriven, and what to do instead; `undefined` where they can. */
export function whyItStays(contract: Contract, topic: string): string | undefined {
  if (topic === COMMANDS_TOPIC) return 'commands are kept without their input: let the sender send it again'
  const definition = contract.topics.get(topic)
  if (definition === undefined) {
    if (!deadLetterNames(contract).includes(topic)) return `the config has no topic ${topic} any more`
    const instead = 'publish it again under a new id, or send the entity a command that makes up for it'
    return `what an entity folds cannot be redriven: it has decided on later events since; ${instead}`
  }
  const { kind } = definition
  if (kind === 'source' || kind === 'flow') return undefined
  return `what belongs to a ${kind} cannot be redriven: it has moved on`
}

/** Windows that do not see the redriven events of a topic: they have moved on. */
export function windowsBehind(contract: Contract, topic: string): readonly string[] {
  if (contract.topics.get(topic)?.kind === 'source') return []
  const here = [...contract.topics.values()].filter((one) => one.kind === 'window' && one.from.includes(topic))
  return [
    ...here.map(({ name }) => name),
    ...flowsOf(contract, topic).flatMap(({ name }) => windowsBehind(contract, name)),
  ]
}

function* resultsOf(contract: Contract, { topic, event }: DeadLetter): Generator<[topic: string, event: StoredEvent]> {
  const definition = contract.topics.get(topic)
  if (definition?.kind === 'source') yield [topic, stored(event, definition.laneOf(event.data))]
  else if (definition?.kind === 'flow') yield* flowResults(contract, definition, event)
}

function* flowResults(
  contract: Contract,
  flow: FlowTopic,
  event: EventBody,
): Generator<[topic: string, event: StoredEvent]> {
  const data = applyFlow(flow.steps, event.data)
  if (data === undefined) return
  const result = { ...event, data }
  yield [flow.name, stored(result, flow.laneOf(data))]
  for (const next of flowsOf(contract, flow.name)) yield* flowResults(contract, next, result)
}

function flowsOf({ topics }: Contract, topic: string): readonly FlowTopic[] {
  return [...topics.values()].filter((one): one is FlowTopic => one.kind === 'flow' && one.from === topic)
}

function stored(event: EventBody, lane: StoredEvent['lane']): StoredEvent {
  const { id, key, time, source, data } = event
  const json = encodeEvent(id, key, time, source, JSON.stringify(data), traceMembers(event))
  return { key, lane, time, json, isSampled: isSampled(event) }
}
