import type {
  BackfillLedger,
  Bus,
  ChannelName,
  CommitOperation,
  CommitReply,
  CommitRequest,
  Log,
} from '../bus/index.ts'
import { decodeOffsets, decodeProgress, type Offsets, type StoredProgress } from '../fold/index.ts'
import { type MergedPage, mergePages, PAGE } from './merged-log.ts'

/**
 * Redis data of a backfill of one window in one partition. Every method throws BusUnavailable when Redis does not
 * answer.
 */
export class BackfillStore {
  readonly partition: number
  readonly window: string
  readonly ledger: BackfillLedger
  readonly log: Log

  constructor(partition: number, window: string, bus: Bus, channel: ChannelName) {
    this.partition = partition
    this.window = window
    this.ledger = bus.backfillLedger(partition, window, channel)
    this.log = bus.log(partition, channel)
  }

  /**
   * Stores the output of a fold, but only for topics of `outputs`, and without a watermark: readers of a result rely on
   * the live window's.
   */
  commit(request: CommitRequest, outputs: ReadonlySet<string>): Promise<CommitReply> {
    const operations = request.operations.flatMap((operation): CommitOperation[] => {
      if (operation.op !== 'append') return [operation]
      return outputs.has(operation.topic) ? [{ ...operation, watermark: undefined }] : []
    })
    return this.ledger.commit({ ...request, operations })
  }

  /** The next entries behind the cursors. */
  async readOn(cursors: ReadonlyMap<string, string>): Promise<MergedPage> {
    const read = [...cursors].map(
      async ([topic, after]) => [topic, await this.log.page(topic, `(${after}`, PAGE)] as const,
    )
    return mergePages(cursors, new Map(await Promise.all(read)))
  }

  /** The committed state of the partition's owner. */
  async live(): Promise<{ readonly offsets: Offsets; readonly progress: StoredProgress }> {
    const { offsets, clocks } = await this.ledger.head()
    return { offsets: decodeOffsets(offsets), progress: decodeProgress(clocks) }
  }
}
