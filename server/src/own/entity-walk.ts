import { type Entities, SCAN_START } from '../bus/index.ts'
import type { Built, EntityFold, FoundEntity, Look } from '../entities/index.ts'
import type { EntityLoader } from './entity-loader.ts'
import type { WalkPace } from './walk-pace.ts'
import { WalkSuspects } from './walk-suspects.ts'

/** Entities of one page, about, and those that are loaded together. */
const PAGE = 256
const BATCH = 32
/** Approximate length of a step: commands that come meanwhile wait for it. */
const STEP_MS = 10
/** Commands that keep coming do not hold up a walk for longer. */
const OVERDUE_MS = 250

export interface EntityWalkOptions {
  readonly fold: Pick<EntityFold, 'builds' | 'rebuild'>
  readonly store: { readonly entities: Pick<Entities, 'count' | 'scan'> }
  readonly loader: Pick<EntityLoader, 'found'>
  readonly pace: WalkPace
  /** Redis' clock. */
  readonly now: () => number
  /** Runs code of the application when it is its turn. */
  readonly inTurn: <Result>(body: () => Promise<Result>) => Promise<Result>
  readonly hasRoom: () => boolean
  /** What the owner before has noted, and what notes something until the next commit. */
  readonly suspect: string
  readonly note: (suspect: string) => Promise<unknown>
  /** Notes an entity that is passed over. */
  readonly onPassedOver: (name: string, key: string) => void
  /** A rebuild is over. */
  readonly onRebuilt: (name: string, built: Built) => void
}

/**
 * Looks at all entities of a partition, some at a time: those that are not stored by what the config says are rebuilt, and
 * histories of an age are cut though nothing happens to their entities. Whoever takes the partition over begins anew; what is
 * right costs no write.
 */
export class EntityWalk {
  readonly #options: EntityWalkOptions
  readonly #suspects: WalkSuspects
  #look: Look | undefined
  /** Of Redis' scan; absent at its end. */
  #cursor: string | undefined
  #keys: string[] = []
  #hasNoted = false
  /** By the monotonic clock. */
  #steppedAt = performance.now()

  constructor(options: EntityWalkOptions) {
    this.#options = options
    this.#suspects = new WalkSuspects(options.suspect)
  }

  /** How long until a step is due. */
  get waitMs(): number {
    const { fold, pace, now } = this.#options
    return this.#look === undefined ? Math.max(pace.waitMs, fold.builds.dueInMs(now())) : pace.waitMs
  }

  /** @param isBusy whether somebody waits for the partition */
  isDue(isBusy: boolean): boolean {
    if (isBusy && performance.now() - this.#steppedAt < OVERDUE_MS) return false
    return this.waitMs === 0
  }

  /** MUST be called with nothing uncommitted, and what it leaves MUST be committed next. @throws BusUnavailable */
  step(): Promise<void> {
    this.#steppedAt = performance.now()
    return this.#options.pace.run(async () => {
      await this.#step(performance.now() + STEP_MS)
      if (!this.#hasNoted) return
      this.#hasNoted = false
      await this.#options.note('')
    })
  }

  async #step(until: number): Promise<void> {
    const { fold, hasRoom, now } = this.#options
    while (performance.now() < until && hasRoom()) {
      const look = this.#look
      if (look === undefined) {
        if (!(await this.#begin())) return
      } else if (this.#keys.length > 0) await this.#lookAtSome(look, until)
      else if (this.#cursor !== undefined) await this.#readPage(look, this.#cursor)
      else {
        const built = fold.builds.ended(look, now())
        if (built !== undefined) this.#options.onRebuilt(look.name, built)
        this.#look = undefined
      }
      // A command may have asked for another rebuild.
      if (this.#look !== undefined && fold.builds.isOutdated(this.#look)) this.#look = undefined
    }
  }

  async #begin(): Promise<boolean> {
    const { fold, store, now } = this.#options
    const look = fold.builds.next(now())
    if (look === undefined) return false
    if (look.run !== undefined) fold.builds.began(look, await store.entities.count(look.name))
    this.#look = look
    this.#cursor = SCAN_START
    this.#keys = []
    return true
  }

  async #readPage({ name }: Look, cursor: string): Promise<void> {
    const { entities, next } = await this.#options.store.entities.scan(name, cursor, PAGE)
    this.#keys = entities.map(({ key }) => key)
    this.#cursor = next === SCAN_START ? undefined : next
  }

  async #lookAtSome(look: Look, until: number): Promise<void> {
    const { fold, loader, inTurn, note, onPassedOver } = this.#options
    const keys = this.#keys.slice(0, this.#suspects.together(look.name, this.#keys, BATCH))
    if (keys.length === 1 && this.#suspects.isPassedOver(look.name, keys[0]!)) {
      onPassedOver(look.name, keys[0]!)
      fold.builds.looked(look, { seen: 1, written: 0, failed: 1 })
      this.#keys.shift()
      return
    }
    this.#hasNoted = true
    await note(this.#suspects.noteOf(look.name, keys))
    const found = await loader.found(look.name, keys, look.isRefolded, until)
    const one = async (entities: readonly FoundEntity[]) => fold.rebuild(look.name, entities)
    const counts = await inTurn(() => one(found))
    if (counts !== undefined) fold.builds.looked(look, counts)
    else for (const entity of found) fold.builds.looked(look, (await inTurn(() => one([entity])))!)
    this.#keys.splice(0, found.length)
  }
}
