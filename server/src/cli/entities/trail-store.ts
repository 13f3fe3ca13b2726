import { type Bus, type Entities, partitionOf, SCAN_START } from '../../bus/index.ts'
import { type StoredTrail, storedTrail } from '../../queries/index.ts'

/** Trails of one entity type, as they are stored. Every call rejects with BusUnavailable when Redis does not answer. */
export class TrailStore {
  readonly #bus: Bus
  readonly #name: string

  constructor(bus: Bus, name: string) {
    this.#bus = bus
    this.#name = name
  }

  stored(key: string): Promise<StoredTrail> {
    return storedTrail(this.#entities(key), this.#name, key)
  }

  /** The events behind version `after` as they are stored, `count` at most. @param cut of the trail */
  entries(key: string, cut: number, after: number, count: number): Promise<string[]> {
    return this.#entities(key).trail(this.#name, key, after - cut, after - cut + count)
  }

  /** The keys of all, in pages. One comes again if many entities go meanwhile, or Redis restarts. @param count about how many a page has */
  async *keys(count: number): AsyncGenerator<readonly string[]> {
    for (let partition = 0; partition < this.#bus.partitions; partition++) {
      let cursor = SCAN_START
      do {
        const page = await this.#bus.entities(partition, 'query').scan(this.#name, cursor, count)
        yield page.entities.map(({ key }) => key)
        cursor = page.next
      } while (cursor !== SCAN_START)
    }
  }

  #entities(key: string): Entities {
    return this.#bus.entities(partitionOf(key, this.#bus.partitions), 'query')
  }
}
