import { type AckedPosition, comparePositions, type Position, parsePosition } from '@tidegate/protocol'

/** The newest position in each partition that the server said it has stored something at. */
export class AckedPositions {
  readonly #newest = new Map<number, { readonly acked: AckedPosition; readonly position: Position }>()

  note(topic: string, at: string): void {
    const position = parsePosition(at)!
    const known = this.#newest.get(position.partition)?.position
    if (known?.epoch === position.epoch && comparePositions(known, position) > 0) return
    this.#newest.set(position.partition, { acked: { topic, at }, position })
  }

  /** As `hello` says them. */
  hello(): { readonly acked: readonly AckedPosition[] | undefined } {
    return { acked: this.#newest.size > 0 ? [...this.#newest.values()].map(({ acked }) => acked) : undefined }
  }
}
