import { commitOfBackfill } from '../calls/commit-calls.ts'
import { BusMismatch } from '../errors.ts'
import { keys } from '../keys.ts'
import type { LogVersion } from '../log/log-version.ts'
import type { Channel } from '../nodes/channel.ts'
import { type CommitOperation, OperationArguments } from './commit-operation.ts'
import { type LedgerPlace, ledgerKey } from './ledger-place.ts'

export interface CommitRequest {
  /** The log that it was computed from, as read before the state was loaded. */
  readonly log: LogVersion
  readonly token: string
  /** The commit number this one builds on. */
  readonly commitSeq: number
  /** Random. A repeated request with the same id gets the first outcome. */
  readonly commitId: string
  readonly offsetsBefore: string
  readonly offsets: string
  readonly clocks: string
  /** Set while what ended earlier owners may lie ahead: their takes still count. */
  readonly keepsTakes?: boolean
  readonly operations: readonly CommitOperation[]
}

export type CommitReply =
  /** `ids`: stream ids of the stored batches, in the order of the `append` operations. */
  { readonly status: 'ok'; readonly ids: readonly string[] } | { readonly status: 'fenced' | 'conflict' | 'lineage' }

/** What `Ledger.commit` does. */
export async function commit(channel: Channel, place: LedgerPlace, request: CommitRequest): Promise<CommitReply> {
  const { log, token, commitSeq, commitId, offsetsBefore, offsets, clocks, keepsTakes = false } = request
  const operations = new OperationArguments(place, request.operations)
  const scriptKeys = [keys.meta(place.partition), ledgerKey(place), keys.absent(place.partition), ...operations.keys]
  const base = [log.epoch, log.lineage, token, commitSeq, commitId, offsetsBefore]
  const head = [...base, offsets, clocks, keepsTakes ? 1 : 0]
  const part = { scriptKeys, args: [...head, ...operations.args] }
  const reply = await (place.window === undefined
    ? channel.commit(part)
    : channel.run((redis) => commitOfBackfill(redis, part)))
  switch (reply[0]) {
    case 'OK':
      return { status: 'ok', ids: reply[1] === '' ? [] : reply[1]!.split(' ') }
    case 'FENCED':
      return { status: 'fenced' }
    case 'LINEAGE':
      return { status: 'lineage' }
    case 'TYPE':
      throw new BusMismatch(`Redis key ${reply[1]} has a foreign type. Is another application using this database?`)
    default:
      return { status: 'conflict' }
  }
}
