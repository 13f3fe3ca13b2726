import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { LIMITS } from '@tidegate/protocol'
import type { CommandRequest } from '../../commands/index.ts'
import type { EntityDefinition } from '../../config/contract/entity-model.ts'
import {
  type CommandOutcome,
  encodeTrailEntry,
  fieldsOf,
  IMPORT,
  IMPORT_LIMITS,
  NO_EVENTS,
  type Place,
  parseTrailLine,
  placeBehind,
  problemOf,
  type TrailLine,
} from '../../entities/index.ts'
import { exceeds } from '../../exceeds.ts'
import { type Fields, isRecord } from '../../json-fields.ts'
import type { StoredTrail } from '../../queries/index.ts'
import type { NumberedLine } from '../terminal/numbered-lines.ts'
import { printable } from '../terminal/printable.ts'
import type { TrailStore } from './trail-store.ts'

/** UTF-8 bytes of a piece, unless one line is longer. */
const PIECE_SIZE = 65_536
/** Pieces under way, each of another entity, and their bytes: owners commit no more of them at once. */
const MAX_PIECES = 32
const MAX_SIZE = 4 * PIECE_SIZE
/** So long a piece is sent again that is not stored for a passing reason, or has no outcome. */
const GIVE_UP_MS = 60_000
/** Stored events that are read at a time, to be compared. */
const PAGE = 100

export interface TrailImportOptions {
  readonly definition: EntityDefinition
  readonly store: Pick<TrailStore, 'stored' | 'entries'>
  readonly send: (request: Omit<CommandRequest, 'caller'>) => Promise<CommandOutcome>
  /** Called with each entity and each piece that is stored. */
  readonly onProgress: (counts: ImportCounts) => void
}

export interface ImportCounts {
  /** Whose lines were looked at. */
  readonly entities: number
  /** Stored now. */
  readonly events: number
  /** Lines that told what was there. */
  readonly unchanged: number
}

/** Lines of one entity that follow one another. */
interface Run {
  readonly key: string
  readonly stored: StoredTrail
  at: Place
  piece: Piece
  /** Stored events from a version on. */
  page: { readonly from: number; readonly entries: readonly string[] } | undefined
}

/** What is stored in one commit. */
interface Piece {
  readonly key: string
  readonly lines: Fields[]
  /** Where they stand. */
  readonly numbers: number[]
  events: number
  size: number
}

/**
 * Stores exported trails through the owners of their entities. What the lines of an entity begin with may be stored already: it
 * is compared. Everything behind it is sent in pieces, each naming the version that it builds on, so that no other command can
 * come in between.
 */
export class TrailImport {
  readonly #options: TrailImportOptions
  readonly #underWay = new Map<string, Promise<void>>()
  #size = 0
  #run: Run | undefined
  #refusal: { readonly number: number; readonly text: string } | undefined
  #counts = { entities: 0, events: 0, unchanged: 0 }

  constructor(options: TrailImportOptions) {
    this.#options = options
  }

  get counts(): ImportCounts {
    return this.#counts
  }

  /** @throws Error with the number of the first line that cannot be imported; BusUnavailable */
  async run(lines: AsyncIterable<NumberedLine>): Promise<void> {
    let failure: unknown
    try {
      for await (const line of lines) {
        await this.#take(line)
        if (this.#refusal !== undefined) break
      }
    } catch (error) {
      failure = error
    }
    await this.#flush()
    await Promise.all(this.#underWay.values())
    // It stands before the line that failed.
    if (this.#refusal !== undefined) throw new Error(this.#refusal.text)
    if (failure !== undefined) throw failure
  }

  async #take({ number, text }: NumberedLine): Promise<void> {
    const { key, line } = this.#parse(number, text)
    if (this.#run?.key !== key) this.#run = await this.#begin(key)
    const run = this.#run
    const problem = problemOf(this.#options.definition, run.at, line)
    if (problem !== undefined) throw failed(number, problem)
    run.at = placeBehind(line)
    if (line.version <= run.stored.version) {
      if (!(await this.#isStored(number, run, line))) throw failed(number, this.#otherEvents(run))
      if (line.kind === 'event') this.#counts.unchanged++
      return
    }
    if (line.kind === 'base' && run.stored.version > 0) throw failed(number, this.#otherEvents(run))
    const bytes = Buffer.byteLength(text)
    const { lines, size } = run.piece
    if (lines.length === IMPORT_LIMITS.lines || size + bytes > PIECE_SIZE) await this.#flush()
    run.piece.lines.push(fieldsOf(line))
    run.piece.numbers.push(number)
    run.piece.size += bytes
    if (line.kind === 'event') run.piece.events++
  }

  #parse(number: number, text: string): { key: string; line: TrailLine } {
    const { name } = this.#options.definition
    try {
      const value = parseJson(text)
      if (!isRecord(value)) throw new Error('a line is a JSON object')
      const { entity, key, ...fields } = value
      if (entity !== name) throw new Error(`it is of the entity ${JSON.stringify(entity)}, not of ${name}`)
      if (typeof key !== 'string' || key === '' || exceeds(key, LIMITS.keyBytes)) {
        throw new Error(`key is a text of 1 to ${LIMITS.keyBytes} bytes`)
      }
      return { key, line: parseTrailLine(fields) }
    } catch (error) {
      throw failed(number, (error as Error).message)
    }
  }

  async #begin(key: string): Promise<Run> {
    await this.#flush()
    await this.#underWay.get(key)
    const stored = await this.#options.store.stored(key)
    this.#counts.entities++
    this.#options.onProgress(this.#counts)
    return { key, stored, at: NO_EVENTS, piece: emptyPiece(key), page: undefined }
  }

  /** Whether a line tells what is stored, as far as that is still there. @throws Error where it was erased */
  async #isStored(number: number, run: Run, line: TrailLine): Promise<boolean> {
    const { record, cut } = run.stored
    const erased = record?.erased?.version ?? 0
    const isTombstone = line.kind === 'base' && line.erased?.version === line.version
    if (line.version < erased || (line.version === erased && !isTombstone)) {
      throw failed(number, `erased: ${this.#nameOf(run)} was erased, and is not brought back`)
    }
    const isGone = line.version < cut || (line.version === cut && line.kind === 'event')
    if (isGone) return true
    if (line.kind === 'event') return (await this.#storedAt(run, line.version)) === encodeTrailEntry(line.entry)
    if (line.version > cut) return true
    const { time, state } = record!.base!
    const isSameState = line.definition !== record!.definition || JSON.stringify(state) === JSON.stringify(line.state)
    return time === line.time && isSameState
  }

  async #storedAt(run: Run, version: number): Promise<string | undefined> {
    const { key, stored } = run
    if (run.page === undefined || version >= run.page.from + run.page.entries.length) {
      const entries = await this.#options.store.entries(key, stored.cut, version - 1, PAGE)
      run.page = { from: version, entries }
    }
    return run.page.entries[version - run.page.from]
  }

  #otherEvents(run: Run): string {
    return `version_conflict: ${this.#nameOf(run)} has version ${run.stored.version}, with events that the file has not`
  }

  #nameOf({ key }: Run): string {
    return `${this.#options.definition.name} ${JSON.stringify(key)}`
  }

  /** Sends what was collected of the present entity, behind what was sent of it before. */
  async #flush(): Promise<void> {
    const run = this.#run
    if (run === undefined || run.piece.lines.length === 0) return
    const { key, piece } = run
    run.piece = emptyPiece(key)
    await this.#underWay.get(key)
    while (this.#underWay.size >= MAX_PIECES || (this.#underWay.size > 0 && this.#size + piece.size > MAX_SIZE)) {
      await Promise.race(this.#underWay.values())
    }
    if (this.#refusal !== undefined) return
    this.#size += piece.size
    const sent = this.#send(piece).finally(() => {
      this.#size -= piece.size
      this.#underWay.delete(key)
    })
    this.#underWay.set(key, sent)
  }

  /** Never rejects. */
  async #send({ key, lines, numbers, events }: Piece): Promise<void> {
    const { definition, send, onProgress } = this.#options
    const request = { id: randomUUID(), entity: definition.name, key, command: IMPORT, input: { lines } }
    const startedAt = performance.now()
    for (let ageMs = 0; ; ageMs = Math.ceil(performance.now() - startedAt)) {
      const outcome = await send(ageMs === 0 ? request : { ...request, ageMs })
      if (outcome.status === 'done') {
        this.#counts.events += events
        onProgress(this.#counts)
        return
      }
      if (outcome.retryAfterMs === undefined || ageMs > GIVE_UP_MS) return this.#refused(numbers, outcome)
      await sleep(outcome.retryAfterMs)
    }
  }

  /** @param numbers of the lines of the piece */
  #refused(numbers: readonly number[], outcome: Extract<CommandOutcome, { status: 'rejected' }>): void {
    const line = /^lines\.(\d+)$/.exec(outcome.path ?? '')
    const [first, last] = line === null ? [numbers[0]!, numbers.at(-1)!] : [numbers[Number(line[1])]!, undefined]
    const where = last === undefined || last === first ? `line ${first}` : `lines ${first} to ${last}`
    if (this.#refusal !== undefined && this.#refusal.number < first) return
    this.#refusal = { number: first, text: printable(`${where}: ${outcome.code}: ${outcome.message}`) }
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new Error(`it is no JSON: ${(cause as Error).message}`, { cause })
  }
}

function emptyPiece(key: string): Piece {
  return { key, lines: [], numbers: [], events: 0, size: 0 }
}

function failed(number: number, why: string): Error {
  return new Error(printable(`line ${number}: ${why}`))
}
