/** Identity of one slice for deduplication. Without a producer every slice is new. */
export interface SliceIdentity {
  readonly producer: string
  /**
   * The producer's sequence in which `seq` counts, as digits: a later sequence is larger. Absent for the unnamed one.
   */
  readonly sequence?: string | undefined
  readonly session: number
  readonly seq: number
  /** The producer's seq before this one on the partition, or `*` for any. */
  readonly previous: number | '*'
  /** The epoch under which the producer was last acknowledged on the partition; absent for any. */
  readonly epoch?: string | undefined
  /** Checksum of everything the producer sent under this seq, refused events included. Letters, digits and `-`. */
  readonly checksum: string
  /** Since the first attempt; absent on that. */
  readonly ageMs: number | undefined
  /** The refused events of the slice, as a word without `,!~`. A duplicate is answered with it. */
  readonly refused?: string | undefined
}

/** A slice without a batch: it only moves the state of its producer. */
export const NO_BATCH = -1

/** One call: per topic one batch; slices in the order their frames arrived. */
export interface AppendRequest {
  readonly batches: readonly { readonly topic: string; readonly header: string; readonly payload: Buffer }[]
  readonly slices: readonly {
    /** Or `NO_BATCH`. */
    readonly batch: number
    /** Index of the slice's last event in its batch. */
    readonly lastIndex: number
    readonly identity: SliceIdentity | undefined
    /** Of a slice without an identity: the epoch that the log must have; absent for any. */
    readonly epoch?: string | undefined
  }[]
}
