import type {
  LetterOutcome,
  LettersAnswer,
  LetterTopic,
  RedriveAnswer,
  ShownLetter,
} from '../../../server/src/gateway/index.ts'

export type { ShownLetter }

/** Which letters somebody asked for. What is '' excludes none. */
export interface LetterQuery {
  readonly topic: string
  readonly key: string
  /** A part of it. */
  readonly cause: string
}

export const ALL_LETTERS: LetterQuery = { topic: '', key: '', cause: '' }

/** What this needs of a gateway. */
export interface LetterSource {
  list(query: LetterQuery, from: string | undefined): Promise<LettersAnswer>
  redriveOne(topic: string, place: string): Promise<RedriveAnswer>
  /** Those of a topic. */
  redriveAll(query: LetterQuery, from: string | undefined): Promise<RedriveAnswer>
}

export type LetterList =
  | { readonly kind: 'asking' }
  | { readonly kind: 'failed'; readonly message: string }
  | {
      readonly kind: 'shown'
      readonly letters: readonly ShownLetter[]
      /** Those that have any. */
      readonly topics: readonly LetterTopic[]
      /** There are more. */
      readonly next: string | undefined
    }

export type LetterState = { readonly kind: 'asking' } | { readonly kind: 'failed'; readonly message: string } | Answered
type Answered = { readonly kind: 'answered'; readonly outcome: LetterOutcome }

/** What redriving has led to since the letters were asked for. */
export interface RedriveSummary {
  readonly isUnderWay: boolean
  readonly redriven: number
  readonly stay: number
  /** Events that were stored, by topic. */
  readonly stored: ReadonlyMap<string, number>
  /** Windows that do not see them. */
  readonly windows: readonly string[]
  /** Why it ended early. */
  readonly failure?: string
}

const NOTHING: RedriveSummary = { isUnderWay: false, redriven: 0, stay: 0, stored: new Map(), windows: [] }

/** Dead letters that somebody looks at, and what became of those that were redriven. Those stay in the list until it is asked for again. */
export class DeadLetterList {
  readonly #source: LetterSource
  readonly #changed: () => void
  #query = ALL_LETTERS
  #list: LetterList = { kind: 'asking' }
  #states = new Map<string, LetterState>()
  #summary = NOTHING
  /** Counts what was asked for: an answer to something earlier is dropped. */
  #asked = 0

  /** @param changed is called after every change of what this shows */
  constructor(source: LetterSource, changed: () => void) {
    this.#source = source
    this.#changed = changed
  }

  get list(): LetterList {
    return this.#list
  }

  get query(): LetterQuery {
    return this.#query
  }

  get summary(): RedriveSummary {
    return this.#summary
  }

  stateOf(letter: ShownLetter): LetterState | undefined {
    return this.#states.get(nameOf(letter))
  }

  /** Why no letter of a topic can be redriven; `undefined` where they can. */
  whyItStays(topic: string): string | undefined {
    return this.#list.kind === 'shown' ? this.#list.topics.find((one) => one.topic === topic)?.stays : undefined
  }

  async ask(query: LetterQuery): Promise<void> {
    this.#query = query
    this.#states = new Map()
    this.#summary = NOTHING
    await this.#read([], undefined)
  }

  async more(): Promise<void> {
    if (this.#list.kind === 'shown') await this.#read(this.#list.letters, this.#list.next)
  }

  async redrive(letter: ShownLetter): Promise<void> {
    const asked = this.#asked
    this.#setState(letter, { kind: 'asking' })
    const { topic, origin, place } = letter
    // It may have moved since its row was drawn.
    const known =
      this.#list.kind === 'shown' ? this.#list.letters.find((one) => nameOf(one) === nameOf(letter)) : letter
    const failure = await this.#try(() => this.#source.redriveOne(topic, known?.place ?? place), asked)
    if (failure !== undefined && asked === this.#asked) {
      this.#setState({ topic, origin, place }, { kind: 'failed', message: failure })
    }
  }

  /** Redrives everything that the query finds. */
  async redriveAll(): Promise<void> {
    if (this.#list.kind !== 'shown' || this.#summary.isUnderWay) return
    const asked = this.#asked
    const topics = this.#list.topics.filter(({ stays }) => stays === undefined).map(({ topic }) => topic)
    this.#setSummary({ isUnderWay: true })
    let failure: string | undefined
    for (const topic of topics.filter((one) => this.#query.topic === '' || this.#query.topic === one)) {
      let next: string | undefined
      do {
        failure = await this.#try(async () => {
          const answer = await this.#source.redriveAll({ ...this.#query, topic }, next)
          next = answer.next
          return answer
        }, asked)
      } while (failure === undefined && next !== undefined && asked === this.#asked)
      if (failure !== undefined || asked !== this.#asked) break
    }
    if (asked === this.#asked) this.#setSummary({ isUnderWay: false, ...(failure !== undefined && { failure }) })
  }

  /** @returns why it failed */
  async #try(redrive: () => Promise<RedriveAnswer>, asked: number): Promise<string | undefined> {
    try {
      const answer = await redrive()
      if (asked === this.#asked) this.#take(answer)
      return undefined
    } catch (error) {
      return textOf(error)
    }
  }

  #take({ outcomes, moved, windows }: RedriveAnswer): void {
    const { stored, redriven, stay } = this.#summary
    const sums = new Map(stored)
    let fresh = { redriven, stay }
    for (const outcome of outcomes) {
      const before = this.#states.get(nameOf(outcome))
      this.#states.set(nameOf(outcome), { kind: 'answered', outcome })
      if (outcome.outcome === 'redriven') {
        fresh = { ...fresh, redriven: fresh.redriven + 1 }
        for (const [topic, events] of Object.entries(outcome.results)) sums.set(topic, (sums.get(topic) ?? 0) + events)
        // Met again behind those of its batch that were redriven.
      } else if (before?.kind !== 'answered') fresh = { ...fresh, stay: fresh.stay + 1 }
    }
    if (this.#list.kind === 'shown') {
      const places = new Map(moved.map((one) => [nameOf(one), one.place]))
      const letters = this.#list.letters.map((one) => ({ ...one, place: places.get(nameOf(one)) ?? one.place }))
      this.#list = { ...this.#list, letters }
    }
    const behind = outcomes.some(({ outcome }) => outcome === 'redriven') ? windows : []
    this.#setSummary({ ...fresh, stored: sums, windows: [...new Set([...this.#summary.windows, ...behind])] })
  }

  async #read(before: readonly ShownLetter[], from: string | undefined): Promise<void> {
    const asked = ++this.#asked
    if (before.length === 0) this.#setList({ kind: 'asking' })
    try {
      const { letters, topics, next } = await this.#source.list(this.#query, from)
      if (asked === this.#asked) this.#setList({ kind: 'shown', letters: [...before, ...letters], topics, next })
    } catch (error) {
      if (asked === this.#asked) this.#setList({ kind: 'failed', message: textOf(error) })
    }
  }

  #setList(list: LetterList): void {
    this.#list = list
    this.#changed()
  }

  #setState(letter: Pick<ShownLetter, 'topic' | 'origin' | 'place'>, state: LetterState): void {
    this.#states.set(nameOf(letter), state)
    this.#changed()
  }

  #setSummary(changes: Partial<RedriveSummary>): void {
    this.#summary = { ...this.#summary, ...changes }
    this.#changed()
  }
}

/** Identity of a letter, wherever it lies. */
function nameOf({ topic, place, origin }: Pick<ShownLetter, 'topic' | 'place' | 'origin'>): string {
  return `${topic} ${place.slice(0, place.indexOf('/'))}/${origin}`
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
