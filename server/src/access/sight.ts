import type { Hides } from '../config/access/hides.ts'
import type { Contract } from '../config/contract/model.ts'
import {
  type HiddenFields,
  hiddenByBoth,
  hiddenByEither,
  hiddenFields,
  isHidden,
  NOTHING_HIDDEN,
} from './hidden-fields.ts'
import { ALL_KEYS, allowsKey, type KeyScope, scopeText } from './key-scope.ts'

/** What some grants that hide the same show. */
export interface PartOfSight {
  readonly scope: KeyScope
  readonly hidden: HiddenFields
}

/** The part of a log, or of results, that somebody sees. */
export interface Seen {
  /** Only of these keys. */
  readonly scope: KeyScope
  /** `undefined`: everything of them. */
  readonly sight: Sight | undefined
}

/** How much somebody sees of what it may see: what is hidden depends on the key, since grants do. */
export class Sight {
  /** The same for those who see the same. */
  readonly text: string
  /** By the grants of all keys; `undefined` without one. */
  readonly #everywhere: HiddenFields | undefined
  readonly #narrower: readonly PartOfSight[]

  constructor(parts: readonly PartOfSight[]) {
    const [wide, narrow] = [parts.filter(isWide), parts.filter((part) => !isWide(part))]
    const everywhere = wide.map(({ hidden }) => hidden).reduce<HiddenFields | undefined>(shownByOne, undefined)
    this.#everywhere = everywhere
    this.#narrower = narrow.map(({ scope, hidden }) => ({ scope, hidden: shownByOne(everywhere, hidden) }))
    const texts = this.#narrower.map(({ scope, hidden }) => [scopeText(scope), hidden.text].join(' ')).sort()
    this.text = JSON.stringify([everywhere?.text ?? null, texts])
  }

  /** Whether nothing is hidden of any key. */
  get isWhole(): boolean {
    return this.hiddenIn(ALL_KEYS).paths.length === 0
  }

  /** What is hidden of one key. */
  of(key: string): HiddenFields {
    let hidden = this.#everywhere
    for (const part of this.#narrower) {
      if (allowsKey(part.scope, key)) hidden = shownByOne(hidden, part.hidden)
    }
    // Of a key that no grant is about nothing is asked: where it were, nothing would be shown.
    return hidden ?? this.hiddenIn(ALL_KEYS)
  }

  /** Everything that is hidden of one of the keys. */
  hiddenIn(scope: KeyScope): HiddenFields {
    if (scope.kind === 'listed') return hiddenByEither([...scope.keys].map((key) => this.of(key)))
    return this.#everywhere ?? hiddenByEither(this.#narrower.map(({ hidden }) => hidden))
  }

  /** The first of some fields of the data that is hidden of one of the keys. */
  unseen(fields: readonly (readonly string[])[], scope: KeyScope): readonly string[] | undefined {
    const hidden = this.hiddenIn(scope)
    return fields.find((field) => isHidden(hidden, field))
  }

  /** Events of one batch in runs of which the same is hidden. */
  split(keys: readonly string[], picks: readonly number[]): ShownRun[] {
    if (this.#everywhere !== undefined && this.#narrower.length === 0) return [{ hidden: this.#everywhere, picks }]
    const runs: (ShownRun & { readonly picks: number[] })[] = []
    for (const pick of picks) {
      const hidden = this.of(keys[pick]!)
      const last = runs.at(-1)
      if (last?.hidden.text === hidden.text) last.picks.push(pick)
      else runs.push({ hidden, picks: [pick] })
    }
    return runs
  }
}

interface ShownRun {
  readonly hidden: HiddenFields
  readonly picks: readonly number[]
}

function isWide({ scope }: PartOfSight): boolean {
  return scope.kind === 'all'
}

function shownByOne(before: HiddenFields | undefined, hidden: HiddenFields): HiddenFields {
  return before === undefined ? hidden : hiddenByBoth(before, hidden)
}

/** The fields of something that a rule or token hides. */
export type HiddenOf = (hides: Hides) => readonly string[]

/** Of the data of a topic. What passes on the events of another topic as they are hides what that one hides. */
export function hiddenOfTopic({ topics }: Pick<Contract, 'topics'>, name: string): HiddenOf {
  const topic = topics.get(name)
  switch (topic?.kind) {
    case 'state':
      return (hides) => [...named(hides, name), ...named(hides, topic.entity).map((path) => `state.${path}`)]
    case 'events':
      return hiddenOfEvents(topic.entity)
    case 'late':
      return passedOn(topics, name, topic.from)
    case 'flow':
      return passedOn(topics, name, topic.steps.every(({ op }) => op === 'filter') ? [topic.from] : [])
    default:
      return (hides) => named(hides, name)
  }
}

function passedOn(topics: Contract['topics'], name: string, from: readonly string[]): HiddenOf {
  const inputs = from.map((input) => hiddenOfTopic({ topics }, input))
  return (hides) => [...named(hides, name), ...inputs.flatMap((input) => input(hides))]
}

/** Of the view of an entity. */
export function hiddenOfView(entity: string): HiddenOf {
  return (hides) => named(hides, entity)
}

/** Of events of an entity: their data may be anything that the view is made of, unless it is said which fields are hidden. */
export function hiddenOfEvents(entity: string): HiddenOf {
  const events = `${entity}.events`
  return (hides) =>
    Object.hasOwn(hides, events) ? named(hides, events) : named(hides, entity).length > 0 ? ['data'] : []
}

function named(hides: Hides, name: string): readonly string[] {
  return Object.hasOwn(hides, name) ? hides[name]! : []
}

/** @param hides of the grants that allow it, with their keys @returns `undefined` where nothing is hidden */
export function sightOf(
  held: readonly { readonly scope: KeyScope; readonly hides: Hides | undefined }[],
  hiddenOf: HiddenOf,
): Sight | undefined {
  if (held.every(({ hides }) => hides === undefined)) return undefined
  const sight = new Sight(
    held.map(({ scope, hides }) => ({ scope, hidden: hides ? hiddenFields(hiddenOf(hides)) : NOTHING_HIDDEN })),
  )
  return sight.isWhole ? undefined : sight
}
