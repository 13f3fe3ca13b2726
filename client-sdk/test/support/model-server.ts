/** A publish frame on its way. */
export interface SentFrame {
  readonly seq: number
  readonly item: string
  /** Those that its events belong to. */
  readonly partitions: readonly number[]
}

export type Epochs = ReadonlyMap<number, string>

/** Items that begin with it are rejected for good, whenever they come. */
export const DOOMED = 'x'

export type Answer =
  | { readonly kind: 'ack'; readonly seq: number; readonly epochs: Epochs }
  | { readonly kind: 'epoch_changed'; readonly seq: number; readonly epochs: Epochs }
  | { readonly kind: 'again'; readonly seq: number }
  | { readonly kind: 'final'; readonly seq: number }

/** What becomes of a frame the gateway admits. `lost_answer`: stored, but Redis did not answer in time. */
export type Luck = 'store' | 'unavailable' | 'lost_answer'

interface Log {
  epoch: number
  readonly frames: SentFrame[]
}

/**
 * What a gateway and the logs behind it do with one producer's frames, and nothing more forgiving: after a frame failed,
 * later ones are refused until it came again, and a log takes any seq above the last one. A log may lose its end: then it has
 * another epoch, and takes nothing from a producer that does not know.
 */
export class ModelServer {
  /** By partition, over all connections. */
  readonly logs: readonly Log[] = [
    { epoch: 1, frames: [] },
    { epoch: 1, frames: [] },
  ]
  /** Frames received and answers not received yet, on this connection. */
  readonly toServer: SentFrame[] = []
  readonly toClient: Answer[] = []
  #failed = new Set<number>()
  /** Partition -> epoch that the client knows. */
  #known = new Map<number, string>()
  readonly #noticed = new Map<number, string>()
  readonly #tell: (epochs: Epochs) => void

  /** @param tell is called when the server notices an epoch, before it answers anything under it. */
  constructor(tell: (epochs: Epochs) => void) {
    this.#tell = tell
  }

  /** A new connection, with what its hello says. @returns what is told after `welcome` */
  connect(epochs: Epochs): Epochs {
    this.#known = new Map(epochs)
    return new Map([...epochs].flatMap(([p, epoch]) => (epoch === this.epochOf(p) ? [] : [[p, this.epochOf(p)]])))
  }

  /** Redis loses the last frames of a partition. */
  lose(partition: number, count: number): void {
    const log = this.logs[partition]!
    log.frames.splice(Math.max(0, log.frames.length - count))
    log.epoch++
  }

  notice(partition: number): void {
    const epoch = this.epochOf(partition)
    if ((this.#noticed.get(partition) ?? epoch) !== epoch) this.#tell(new Map([[partition, epoch]]))
    this.#noticed.set(partition, epoch)
  }

  epochOf(partition: number): string {
    return `e${this.logs[partition]!.epoch}`
  }

  /** The next frame arrives. */
  arrive(luck: Luck): void {
    const frame = this.toServer.shift()
    if (frame !== undefined) this.toClient.push(this.#judge(frame, luck))
  }

  /** The connection breaks: so many frames still arrive, no answer does. */
  disconnect(stillArriving: number, luck: Luck): void {
    for (let i = 0; i < stillArriving; i++) this.arrive(luck)
    this.toServer.length = 0
    this.toClient.length = 0
    this.#failed = new Set()
  }

  #judge(frame: SentFrame, luck: Luck): Answer {
    const { seq, item, partitions } = frame
    if ([...this.#failed].some((failed) => failed < seq)) return { kind: 'again', seq }
    this.#failed.delete(seq)
    if (luck === 'unavailable') return this.#fail(seq)
    for (const partition of partitions) this.notice(partition)
    if (item.startsWith(DOOMED)) return { kind: 'final', seq }
    const changed = partitions.filter((p) => (this.#known.get(p) ?? this.epochOf(p)) !== this.epochOf(p))
    for (const partition of partitions.filter((p) => !changed.includes(p))) {
      const { frames } = this.logs[partition]!
      if (seq > (frames.at(-1)?.seq ?? 0)) frames.push(frame)
    }
    if (luck === 'lost_answer') return this.#fail(seq)
    for (const partition of partitions) this.#known.set(partition, this.epochOf(partition))
    const epochsOf = (of: readonly number[]) => new Map(of.map((p) => [p, this.epochOf(p)]))
    if (changed.length === 0) return { kind: 'ack', seq, epochs: epochsOf(partitions) }
    this.#failed.add(seq)
    return { kind: 'epoch_changed', seq, epochs: epochsOf(changed) }
  }

  #fail(seq: number): Answer {
    this.#failed.add(seq)
    return { kind: 'again', seq }
  }
}
