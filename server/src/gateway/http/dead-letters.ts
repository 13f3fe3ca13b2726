import { type Caller, hiddenOfTopic, type Rights } from '../../access/index.ts'
import type { EventBody } from '../../bus/index.ts'
import type { Contract } from '../../config/contract/model.ts'
import {
  type DeadLetter,
  type DeadLetters,
  deadLetterNames,
  formatPlace,
  isWanted,
  type LetterBatch,
  type LetterFilter,
  type LetterPlace,
  parsePlace,
  type RedrivenBatch,
  whyItStays,
  windowsBehind,
} from '../../dead-letters/index.ts'
import type { Audit } from '../../observability/audit.ts'
import { limitOf, optionalText, type Params, QueryError } from '../../queries/index.ts'
import { quoted } from '../../quoted.ts'

/** Letters of one answer, at most and without `limit`. */
const MAX_LETTERS = 100
/** Letters that are looked at for one answer: with a filter most of them may be others. */
const MAX_LOOKED_AT = 10_000

/** A letter as it is shown. */
export interface ShownLetter {
  readonly topic: string
  /** Where it lies now: what a redrive is told. */
  readonly place: string
  /** Where it lay first: what it is known by. */
  readonly origin: string
  readonly cause: string
  /** Without data where the caller may not read every event of what it is of. */
  readonly event: Omit<EventBody, 'data'> & { readonly data?: unknown }
}

export interface LetterTopic {
  readonly topic: string
  /** Why its letters cannot be redriven; absent where they can. */
  readonly stays?: string
  /** Windows that do not see what is redriven. */
  readonly windows: readonly string[]
}

/** `GET /v1/dead-letters`. */
export interface LettersAnswer {
  readonly letters: readonly ShownLetter[]
  /** Those that have any. */
  readonly topics: readonly LetterTopic[]
  /** `from` of the next answer; absent at the end. */
  readonly next?: string
}

export type LetterOutcome = Pick<ShownLetter, 'topic' | 'place' | 'origin'> &
  (
    | { readonly outcome: 'redriven'; readonly results: Readonly<Record<string, number>> }
    | { readonly outcome: 'stays'; readonly why: string }
  )

/** `POST /v1/dead-letters/redrive`. */
export interface RedriveAnswer {
  readonly outcomes: readonly LetterOutcome[]
  /** Letters that lie elsewhere now: others of their record batch were redriven. */
  readonly moved: readonly Pick<ShownLetter, 'topic' | 'place' | 'origin'>[]
  readonly windows: readonly string[]
  readonly next?: string
}

export interface DeadLetterContext {
  readonly deadLetters: DeadLetters
  readonly contract: Contract
  readonly audit?: Pick<Audit, 'note'> | undefined
}

/** @throws QueryError, BusUnavailable */
export async function listLetters(
  { deadLetters, contract }: DeadLetterContext,
  params: Params,
  { rights }: Caller,
): Promise<LettersAnswer> {
  const asked = topicOf(params, contract)
  const names = await deadLetters.topics()
  const page = await collect(deadLetters, asked === undefined ? names : [asked], params)
  const letters = page.found.flatMap(({ wanted }) => wanted).map((letter) => shown(letter, contract, rights))
  const topics = names.map((topic) => {
    const stays = whyItStays(contract, topic)
    return { topic, ...(stays !== undefined && { stays }), windows: windowsBehind(contract, topic) }
  })
  return { letters, topics, ...(page.next !== undefined && { next: page.next }) }
}

/** One letter, or those of a topic that a list with the same parameters has. @throws QueryError, BusUnavailable, BusFull */
export async function redriveLetters(
  context: DeadLetterContext,
  params: Params,
  { subject }: Caller,
  address: string,
): Promise<RedriveAnswer> {
  const { deadLetters, contract, audit } = context
  const topic = topicOf(params, contract)
  if (topic === undefined) throw new QueryError('invalid_frame', 'topic: say whose dead letters are to be redriven.')
  const at = optionalText(params, 'at')
  const { found, next } =
    at === undefined ? await collect(deadLetters, [topic], params) : await only(deadLetters, topic, at)
  audit?.note({
    kind: 'admin_command',
    subject,
    address,
    what: `dead-letter redrive ${[topic, ...meant(params)].join(' ')}`,
  })
  const redriven: RedrivenBatch[] = []
  for (const { batch, wanted } of found) redriven.push(await deadLetters.redrive(batch, wanted))
  return {
    outcomes: redriven.flatMap(({ outcomes }) => outcomes).map(outcomeOf),
    moved: redriven.flatMap(({ moved }) => moved).map(nameOf),
    windows: windowsBehind(contract, topic),
    ...(next !== undefined && { next }),
  }
}

interface Found {
  readonly batch: LetterBatch
  readonly wanted: readonly DeadLetter[]
}

async function only(deadLetters: DeadLetters, topic: string, at: string): Promise<{ found: Found[]; next?: string }> {
  const place = parsePlace(at)
  if (place === undefined) throw new QueryError('invalid_frame', `at: ${quoted(at)} is no place of a dead letter.`)
  const batch = await deadLetters.batchAt(topic, place)
  if (batch === undefined) {
    throw new QueryError('not_found', 'This dead letter lies there no more: it was redriven, has moved or is too old.')
  }
  return { found: [{ batch, wanted: batch.letters.filter(({ index }) => index === place.index) }] }
}

async function collect(
  deadLetters: DeadLetters,
  topics: readonly string[],
  params: Params,
): Promise<{ readonly found: readonly Found[]; readonly next?: string }> {
  const limit = limitOf(params, MAX_LETTERS)
  const filter: LetterFilter = { key: optionalText(params, 'key'), cause: optionalText(params, 'cause') }
  const from = fromOf(params)
  const found: Found[] = []
  let [count, looked] = [0, 0]
  const rest = from === undefined ? topics : topics.slice(Math.max(0, topics.indexOf(from.topic)))
  for await (const batch of deadLetters.batches(rest, from)) {
    const wanted: DeadLetter[] = []
    let next: string | undefined
    for (const letter of batch.letters) {
      if (from !== undefined && isBefore(letter, from)) continue
      if (count === limit || looked === MAX_LOOKED_AT) {
        next = `${formatPlace(letter)} ${letter.topic}`
        break
      }
      looked++
      if (!isWanted(filter, letter)) continue
      wanted.push(letter)
      count++
    }
    if (wanted.length > 0) found.push({ batch, wanted })
    if (next !== undefined) return { found, next }
  }
  return { found }
}

/** @throws QueryError for one whose code cannot fail */
function topicOf(params: Params, contract: Contract): string | undefined {
  const topic = optionalText(params, 'topic')
  if (topic === undefined || deadLetterNames(contract).includes(topic)) return topic
  throw new QueryError('unknown_topic', `No topic ${quoted(topic)}.`)
}

type From = LetterPlace & { readonly topic: string }

function fromOf(params: Params): From | undefined {
  const text = optionalText(params, 'from')
  if (text === undefined) return undefined
  const gap = text.indexOf(' ')
  const place = parsePlace(text.slice(0, gap))
  if (place === undefined) throw new QueryError('invalid_frame', 'from: expected `next` of an answer.')
  return { ...place, topic: text.slice(gap + 1) }
}

/** Whether a letter of the batch that a list begins with was in the list before. */
function isBefore({ topic, partition, streamId, index }: DeadLetter, from: From): boolean {
  const isOfBatch = topic === from.topic && partition === from.partition && streamId === from.streamId
  return isOfBatch && index < from.index
}

/** For the audit: which letters were meant. */
function meant(params: Params): string[] {
  return ['at', 'key', 'cause'].flatMap((name) => {
    const value = optionalText(params, name)
    return value === undefined ? [] : [`${name}=${value}`]
  })
}

function shown(letter: DeadLetter, contract: Contract, rights: Rights): ShownLetter {
  const { cause, event } = letter
  const { data, ...envelope } = event
  return { ...nameOf(letter), cause, event: readsEventsOf(letter.topic, contract, rights) ? event : envelope }
}

function nameOf(letter: DeadLetter): Pick<ShownLetter, 'topic' | 'place' | 'origin'> {
  const { topic, origin } = letter
  return { topic, place: formatPlace(letter), origin }
}

function outcomeOf({ letter, ...redriven }: RedrivenBatch['outcomes'][number]): LetterOutcome {
  const name = nameOf(letter)
  if (redriven.done) return { ...name, outcome: 'redriven', results: redriven.results }
  return { ...name, outcome: 'stays', why: redriven.why }
}

/** Whether somebody may read everything of the topics that such letters are of. */
function readsEventsOf(name: string, contract: Contract, rights: Rights): boolean {
  return inputsOf(name, contract).every((topic) => {
    const isWhole = rights.keys('query', topic).kind === 'all'
    return isWhole && rights.sight('query', topic, hiddenOfTopic(contract, topic)) === undefined
  })
}

/** The topics on whose events the code of a topic, or of an entity, may have failed. Those of commands are without input. */
function inputsOf(name: string, { topics }: Contract): readonly string[] {
  const definition = topics.get(name)
  if (definition === undefined) return name.includes('/') ? [name.slice(name.indexOf('/') + 1)] : []
  if (definition.kind === 'flow') return [definition.from]
  return definition.kind === 'window' ? definition.from : [name]
}
