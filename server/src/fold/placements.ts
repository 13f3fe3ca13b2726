import {
  ANSWERS_HASH,
  ANSWERS_PREVIOUS_HASH,
  ANSWERS_TOPIC,
  BUILT_HASH,
  CANARY_TOPIC,
  type GrowthPlan,
  type HomeOf,
  keyOfMember,
  keyOfTrail,
  OUTBOX_HASH,
  originOfDeadLetters,
  type Placement,
  partitionOf,
  windowOfPartials,
} from '../bus/index.ts'
import { type DescribedTopic, readRecord } from '../config/changes/describe.ts'
import type { WindowSpec } from '../config/contract/model.ts'
import { ALL_KEYS, mergedInput, mergedWindow } from '../config/contract/placed-by.ts'
import { outboxProducer, senderOfMessage } from '../entities/index.ts'
import { parseFieldName } from '../operators/index.ts'
import { groupOfField } from './merge-stage.ts'
import { SOURCES_HASH } from './open-sources.ts'
import { windowOfClocks } from './stored-window.ts'

const EVERYWHERE: Placement = { kind: 'everywhere' }
/** What is found by the id of a command, by source or by name: the key that it is about is not known, or there is none. */
const SHARED = new Set([ANSWERS_HASH, ANSWERS_PREVIOUS_HASH, BUILT_HASH, SOURCES_HASH])

const WINDOW = 'win:'
const CURRENT = 'cur:'
const ENTITY = 'entity:'
const INDEX = 'index:'

/**
 * Where everything belongs that a partition stores, when it is divided.
 *
 * @param record of the contract under which it was stored
 * @throws Error where there is none; at a name that no part of a partition has
 */
export function placements(record: string): GrowthPlan {
  if (record === '') {
    throw new Error(
      'It is not known what these data are of: start gateways and workers with this version once, and stop them.',
    )
  }
  const topics = new Map(readRecord(record).topics.map((topic) => [topic.name, topic]))
  const homeOf = (topic: string): HomeOf => homeFrom(mergedWindow(topics, topic))
  return {
    log(topic) {
      if (topic === CANARY_TOPIC) return { kind: 'left' }
      if (topic === ANSWERS_TOPIC) return { kind: 'everywhere' }
      // The merger has noted what each partition reported: it must not report it again as another one.
      if (windowOfPartials(topic) !== undefined) return { kind: 'stays' }
      const origin = originOfDeadLetters(topic)
      return { kind: 'by_key', homeOf: origin === undefined ? homeOf(topic) : homeFrom(mergedInput(topics, origin)) }
    },
    producer: outboxProducer,
    owned(name) {
      if (SHARED.has(name)) return EVERYWHERE
      if (name === OUTBOX_HASH) {
        return { kind: 'by_key', homeOf: partitionOf, keyOf: (_number, text) => senderOfMessage(text) }
      }
      if (name.startsWith(WINDOW)) return placeOfWindow(topics, name.slice(WINDOW.length))
      if (name.startsWith(CURRENT)) return { kind: 'by_key', homeOf: homeOf(name.slice(CURRENT.length)), keyOf: itself }
      if (name.startsWith(ENTITY)) return { kind: 'by_key', homeOf: partitionOf, keyOf: itself }
      if (name.startsWith(INDEX)) return { kind: 'by_key', homeOf: partitionOf, keyOf: keyOfMember }
      const key = keyOfTrail(name)
      if (key !== undefined) return { kind: 'of_key', homeOf: partitionOf, key }
      throw new Error(
        `No version of Tidegate up to this one stores ${name} in a partition: grow with the one that did.`,
      )
    },
  }
}

type Topics = ReadonlyMap<string, DescribedTopic>

const itself = (field: string) => field

function placeOfWindow(topics: Topics, hash: string): Placement {
  if (windowOfClocks(hash) !== undefined) return EVERYWHERE
  const merged = windowOfPartials(hash)
  const name = merged ?? hash
  const spec = specOf(topics.get(name))
  if (merged !== undefined) {
    if (spec?.groupBy === 'all') return { kind: 'of_key', homeOf: partitionOf, key: name }
    return { kind: 'by_key', homeOf: partitionOf, keyOf: groupOfField }
  }
  // What it has reported is noted under its number. One that no contract has is dropped by the next owner.
  if (spec?.groupBy !== 'key') return { kind: 'stays' }
  const keyOf = (field: string) => (field.includes(':') ? parseFieldName(field).key : undefined)
  return { kind: 'by_key', homeOf: homeFrom(mergedInput(topics, name)), keyOf }
}

/** Panes over all keys lie where their window is merged, and not where their key would. */
function homeFrom(merged: string | undefined): HomeOf {
  if (merged === undefined) return partitionOf
  return (key, partitions) => partitionOf(key === ALL_KEYS ? merged : key, partitions)
}

function specOf(topic: DescribedTopic | undefined): WindowSpec | undefined {
  return topic?.spec as WindowSpec | undefined
}
