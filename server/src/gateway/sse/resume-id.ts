import { LANES, type Lane, LIMITS, type Position, type PositionVector, parsePosition } from '@tidegate/protocol'

/**
 * The text of an `id:` line is the whole resume vector, short enough to come back in a request header:
 *
 * ``` id = base "!" epoch { "," epoch } "!" topic { ";" topic } the epoch of each partition, then any others topic =
 * name ":" letters of its lanes { "/" mark { "," mark } } one list per partition from 0; one mark if its lanes are
 * alike mark = age [ "-" sequence ] [ "." index ] [ "@" epoch number ] 0, the whole entry and the partition's epoch are
 * left out ```
 *
 * `base` is the newest ms of all and `age` how far before it a mark lies, both base 36. Clients take it as it is.
 */
const LETTERS: Readonly<Record<Lane, string>> = { high: 'h', normal: 'n', low: 'l' }
const WHOLE_ENTRY = 999_999
/**
 * A mark longer than this is rare: more than 16 h behind the newest, 99 entries in one ms, or 999 events in one entry.
 */
const MARK_CHARS = 13
const ID_OVERHEAD_CHARS = 16
/** Maximum length of an epoch with its comma. */
const EPOCH_CHARS = 17

type LaneMarks = Record<Lane, (Position | undefined)[]>

/** The progress of a stream, and its text. */
export class ResumeVector {
  readonly #topics = new Map<string, LaneMarks>()

  /** Every position of a vector. */
  merge(vector: PositionVector): void {
    for (const [topic, lanes] of Object.entries(vector)) {
      for (const lane of LANES) for (const at of lanes[lane] ?? []) this.move(topic, lane, at)
    }
  }

  moveTo(topic: string, lane: Lane, position: Position): void {
    let marks = this.#topics.get(topic)
    if (marks === undefined) {
      marks = { high: [], normal: [], low: [] }
      this.#topics.set(topic, marks)
    }
    marks[lane][position.partition] = position
  }

  /** As above, for the text of a position. */
  move(topic: string, lane: Lane, at: string): void {
    const position = parsePosition(at)
    if (position !== undefined) this.moveTo(topic, lane, position)
  }

  /** Whether its text will fit `LIMITS.resumeIdBytes` wherever its positions move, except for extremes. */
  get fits(): boolean {
    const partitions = Math.max(0, ...this.#lists().map((marks) => marks.length))
    let chars = ID_OVERHEAD_CHARS + partitions * EPOCH_CHARS
    for (const [topic, marks] of this.#topics) {
      chars += topic.length + 5 + LANES.reduce((sum, lane) => sum + marks[lane].length, 0) * MARK_CHARS
    }
    return chars <= LIMITS.resumeIdBytes
  }

  /** `undefined` when it is longer than `LIMITS.resumeIdBytes`. */
  toText(): string | undefined {
    const known = this.#lists().flatMap((marks) => marks.filter((position) => position !== undefined))
    const base = known.reduce((newest, { streamId }) => Math.max(newest, msOf(streamId)), 0)
    const epochs: string[] = []
    for (const { partition, epoch } of known) epochs[partition] ??= epoch
    // A partition without a position still needs a place.
    for (let partition = 0; partition < epochs.length; partition++) epochs[partition] ??= ''
    for (const { epoch } of known) if (!epochs.includes(epoch)) epochs.push(epoch)
    const topics = [...this.#topics].map(([topic, marks]) => {
      const lanes = LANES.filter((lane) => marks[lane].length > 0)
      const count = Math.max(...lanes.map((lane) => marks[lane].length))
      const partitions = Array.from({ length: count }, (_, partition) => {
        const texts = lanes.map((lane) => markText(marks[lane][partition], base, epochs))
        return texts.every((text) => text === texts[0]) ? texts[0] : texts.join(',')
      })
      return `${topic}:${[lanes.map((lane) => LETTERS[lane]).join(''), ...partitions].join('/')}`
    })
    const text = `${base.toString(36)}!${epochs.join(',')}!${topics.join(';')}`
    return text.length <= LIMITS.resumeIdBytes ? text : undefined
  }

  #lists(): (Position | undefined)[][] {
    return [...this.#topics.values()].flatMap((marks) => LANES.map((lane) => marks[lane]))
  }
}

/** Reads the text of an `id:` line; `undefined` if it is none. */
export function parseResumeId(text: string): PositionVector | undefined {
  if (text.length > LIMITS.resumeIdBytes) return undefined
  const [baseText, epochTexts, topicTexts, ...rest] = text.split('!')
  if (topicTexts === undefined || rest.length > 0) return undefined
  const base = Number.parseInt(baseText!, 36)
  const epochs = epochTexts!.split(',')
  const vector: Record<string, Partial<Record<Lane, string[]>>> = {}
  for (const topicText of topicTexts.split(';')) {
    const match = TOPIC.exec(topicText)
    if (match === null) return undefined
    const [, topic, letters, marks] = match
    const lanes = LANES.filter((lane) => letters!.includes(LETTERS[lane]))
    const found: Partial<Record<Lane, string[]>> = Object.fromEntries(lanes.map((lane) => [lane, []]))
    vector[topic!] = found
    for (const [partition, group] of marks!.split('/').slice(1).entries()) {
      const texts = group.split(',')
      if (texts.length !== 1 && texts.length !== lanes.length) return undefined
      for (const [i, lane] of lanes.entries()) {
        const mark = texts.length === 1 ? texts[0]! : texts[i]!
        if (mark === '') continue
        const at = positionText(mark, partition, base, epochs)
        if (at === undefined) return undefined
        found[lane]!.push(at)
      }
    }
  }
  return vector
}

const TOPIC = /^([a-z][a-z0-9_.]*):(h?n?l?)((?:\/[0-9a-z.,@-]*)*)$/
const MARK = /^([0-9a-z]{1,11})(?:-(\d{1,20}))?(?:\.(\d{1,6}))?(?:@([0-9a-z]{1,4}))?$/

function markText(position: Position | undefined, base: number, epochs: readonly string[]): string {
  if (position === undefined) return ''
  const { partition, streamId, index, epoch } = position
  const sequence = streamId.slice(streamId.indexOf('-') + 1)
  const age = (base - msOf(streamId)).toString(36)
  return [
    age,
    sequence === '0' ? '' : `-${sequence}`,
    index === WHOLE_ENTRY ? '' : `.${index}`,
    epoch === epochs[partition] ? '' : `@${epochs.indexOf(epoch).toString(36)}`,
  ].join('')
}

function positionText(mark: string, partition: number, base: number, epochs: readonly string[]): string | undefined {
  const match = MARK.exec(mark)
  if (match === null) return undefined
  const [, age, sequence = '0', index = `${WHOLE_ENTRY}`, epochNumber] = match
  const epoch = epochs[epochNumber === undefined ? partition : Number.parseInt(epochNumber, 36)]
  if (epoch === undefined) return undefined
  const at = `${partition}@${epoch}/${base - Number.parseInt(age!, 36)}-${sequence}.${index}`
  return parsePosition(at) === undefined ? undefined : at
}

function msOf(streamId: string): number {
  return Number(streamId.slice(0, streamId.indexOf('-')))
}
