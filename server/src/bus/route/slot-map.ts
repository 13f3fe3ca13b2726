/** Slots of a cluster, by its specification. */
export const SLOTS = 16_384
/**
 * What a node says of a slot that it gave away is later than what others still say of it, and earlier than the next configuration
 * epoch.
 */
const GIVEN_AWAY = 0.5

/** A stretch of slots that one master serves. */
export interface SlotRange {
  readonly from: number
  readonly to: number
  /** `host:port` of the master, as the nodes name each other. */
  readonly node: string
  /** Configuration epoch of the master: of two that claim a slot the one with the higher number has it. */
  readonly epoch: number
}

/** Which master serves which slot, by all that nodes have said so far: one that was cut off changes nothing. */
export class SlotMap {
  readonly #nodes: (string | undefined)[] = new Array<string | undefined>(SLOTS).fill(undefined)
  readonly #epochs = new Float64Array(SLOTS).fill(-1)

  /** @returns whether another node serves some slot */
  merge(ranges: readonly SlotRange[]): boolean {
    let hasChanged = false
    for (const { from, to, node, epoch } of ranges) {
      for (let slot = from; slot <= to; slot++) {
        // The same epoch: a master may have another address.
        if (epoch < this.#epochs[slot]!) continue
        this.#epochs[slot] = epoch
        if (this.#nodes[slot] === node) continue
        this.#nodes[slot] = node
        hasChanged = true
      }
    }
    return hasChanged
  }

  /** A node has said that another one serves a slot. @returns whether that is new */
  moved(slot: number, node: string): boolean {
    if (this.#nodes[slot] === node) return false
    this.#nodes[slot] = node
    this.#epochs[slot] = Math.floor(this.#epochs[slot]!) + GIVEN_AWAY
    return true
  }

  nodeOf(slot: number): string | undefined {
    return this.#nodes[slot]
  }

  /** Masters that serve a slot. */
  nodes(): string[] {
    return [...new Set(this.#nodes)].filter((node) => node !== undefined)
  }
}
