import type { Channel } from './channel.ts'
import { BusMismatch } from './errors.ts'
import { escapeLine } from './escape-line.ts'
import { currentHash } from './hash-name.ts'
import { keys } from './keys.ts'
import type { LogVersion } from './log-version.ts'
import { loadScript, type Script } from './script.ts'

const COMMIT_SCRIPT: Script = loadScript('commit', { allowOom: true, include: ['lineage', 'owner'] })
/** What a backfill adds frees nothing: while Redis is full it waits. */
const BACKFILL_SCRIPT: Script = loadScript('commit', { allowOom: false, include: ['lineage', 'owner'] })

/** One write of a commit. */
export type CommitOperation =
  /** Fields of a hash of the ledger. Values MUST NOT contain a line end. */
  | { readonly op: 'set'; readonly hash: string; readonly fields: readonly (readonly [field: string, value: string])[] }
  | { readonly op: 'delete'; readonly hash: string; readonly fields: readonly string[] }
  /** A whole hash. */
  | { readonly op: 'drop'; readonly hash: string }
  | {
      readonly op: 'append'
      readonly topic: string
      readonly header: string
      readonly payload: Buffer
      /** Watermark the entry carries, ms. */
      readonly watermark: number | undefined
      /**
       * Which events of the batch become the latest result of their key, unless there is one of a later time: by index and
       * byte range in the payload.
       */
      readonly latest: readonly LatestResult[]
    }

export interface LatestResult {
  readonly key: string
  readonly index: number
  readonly from: number
  readonly bytes: number
}

export interface CommitRequest {
  /** Of which log it was computed: as it was before the state was loaded. */
  readonly log: LogVersion
  readonly token: string
  /** The commit number this one builds on. */
  readonly commitSeq: number
  /** Random. Sending the same request again with the same id is answered with the first outcome. */
  readonly commitId: string
  readonly offsetsBefore: string
  readonly offsets: string
  readonly clocks: string
  readonly operations: readonly CommitOperation[]
}

export type CommitReply =
  /** `ids`: of the stored batches, in the order of the `append` operations. */
  { readonly status: 'ok'; readonly ids: readonly string[] } | { readonly status: 'fenced' | 'conflict' | 'lineage' }

/** Where a ledger lies: that of a partition's owner, or of the backfill of a window in it. */
export interface LedgerPlace {
  readonly partition: number
  readonly window?: string | undefined
}

/** What `Ledger.commit` does. */
export async function commit(channel: Channel, place: LedgerPlace, request: CommitRequest): Promise<CommitReply> {
  const keyNumbers = new Map<string, number>()
  const numberOf = (key: string): number => {
    let number = keyNumbers.get(key)
    if (number === undefined) {
      number = keyNumbers.size + 1
      keyNumbers.set(key, number)
    }
    return number
  }
  const { log, token, commitSeq, commitId, offsetsBefore, offsets, clocks } = request
  const args: (string | number | Buffer)[] = [log.epoch, log.lineage, token, commitSeq, commitId]
  args.push(offsetsBefore, offsets, clocks)
  for (const operation of request.operations) pushOperation(args, operation, place, numberOf)
  const scriptKeys = [keys.meta(place.partition), ledgerKey(place), ...keyNumbers.keys()]
  const script = place.window === undefined ? COMMIT_SCRIPT : BACKFILL_SCRIPT
  const reply = (await channel.script(script, scriptKeys, args)) as string[]
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

/** The hash that keeps what the next commit of a ledger builds on. */
export function ledgerKey({ partition, window }: LedgerPlace): string {
  return window === undefined ? keys.meta(partition) : keys.backfill(partition, window)
}

/** A hash of a ledger. What a backfill keeps lies beside the state of the live windows. */
export function hashKey({ partition, window }: LedgerPlace, name: string): string {
  return window === undefined ? keys.hash(partition, name) : keys.backfillHash(partition, window, name)
}

function pushOperation(
  args: (string | number | Buffer)[],
  operation: CommitOperation,
  place: LedgerPlace,
  numberOf: (key: string) => number,
): void {
  switch (operation.op) {
    case 'set':
      args.push('S', numberOf(hashKey(place, operation.hash)), asLines(operation.fields))
      break
    case 'delete':
      args.push('D', numberOf(hashKey(place, operation.hash)), operation.fields.length)
      for (const field of operation.fields) args.push(field)
      break
    case 'drop':
      args.push('R', numberOf(hashKey(place, operation.hash)))
      break
    case 'append': {
      const { topic, header, payload, watermark, latest } = operation
      const log = numberOf(keys.log(place.partition, topic))
      const current = latest.length === 0 ? 0 : numberOf(keys.hash(place.partition, currentHash(topic)))
      args.push('X', log, header, payload, watermark ?? '', current, latestLines(latest))
    }
  }
}

/** One argument for all fields: a thousand states as arguments of their own cost the client more than computing them. */
function asLines(fields: readonly (readonly [field: string, value: string])[]): string {
  let lines = ''
  for (const [field, value] of fields) lines += `${escapeLine(field)}\n${value}\n`
  return lines
}

function latestLines(latest: readonly LatestResult[]): string {
  let lines = ''
  for (const { key, index, from, bytes } of latest) lines += `${index} ${from} ${bytes} ${escapeLine(key)}\n`
  return lines
}
