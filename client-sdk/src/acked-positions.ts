import { type AckedPosition, comparePositions, parsePosition } from '@tidegate/protocol'

/** The newest position in each partition that the server said it has stored something at. */
export class AckedPositions {
  readonly #newest = new Map<number, AckedPosition>()

  note(topic: string, at: string): void {
    const position = parsePosition(at)!
    const before = this.#newest.get(position.partition)
    const known = before && parsePosition(before.at)!
    if (known?.epoch === position.epoch && comparePositions(known, position) > 0) return
    this.#newest.set(position.partition, { topic, at })
  }

  /** As `hello` says them. */
  hello(): { readonly acked?: readonly AckedPosition[] } {
    return this.#newest.size > 0 ? { acked: [...this.#newest.values()] } : {}
  }
}
