import type { Place } from './connector.ts'
import type { Destination, Guide } from './guide.ts'

/** One Redis at a place that never changes. */
export class FixedGuide implements Guide {
  readonly isWatched = false
  readonly replicaFault =
    'it has become a replica, which takes no writes; use the address of its master, or of the Sentinels that choose one ' +
    '(redis+sentinel://host:port/name)'
  readonly #destination: Destination

  constructor(place: Place) {
    this.#destination = { node: '', place, epoch: 0 }
  }

  async find(): Promise<Destination> {
    return this.#destination
  }

  async look(): Promise<void> {}

  isLeft(): boolean {
    return false
  }

  nodeOf(): string {
    return ''
  }

  learn(): boolean {
    return false
  }

  close(): void {}
}
