import type { DeliveredEvent } from '@tidegate/protocol'
import { allowsKey, removeHidden, type Seen, type Sight } from '../access/index.ts'
import { type CurrentPage, type CurrentResult, isScanCursor, type PageBounds, SCAN_START } from '../bus/index.ts'
import { MAX_ANSWER_BYTES, MAX_ANSWER_EVENTS } from './answer-size.ts'
import { QueryError } from './query-error.ts'

export interface ResultPage {
  /** Events without `at`: a result may lie anywhere in its log, or have been trimmed from it. */
  readonly results: readonly Omit<DeliveredEvent, 'at'>[]
  /** The `after` of the next page; absent at the end. */
  readonly next?: string
}

/** Start of a page: a partition, and how far its results have been scanned. */
export interface ScanPlace {
  readonly partition: number
  /** Of a scan, `SCAN_START` at the beginning. */
  readonly cursor: string
}

/** Reads some of the latest results of a partition, no more than is left of an answer, and has them taken: see `ReadPage`. */
export type ScanResults = <Taken>(
  place: ScanPlace,
  left: PageBounds,
  take: (page: CurrentPage) => Taken,
) => Promise<Taken>

/**
 * The latest result of every key of a scope, partition by partition, in pages that are bounded in results, bytes and
 * reads.
 */
export async function scanPage(
  scan: ScanResults,
  partitions: number,
  { scope, sight }: Seen,
  from: ScanPlace,
): Promise<ResultPage> {
  const results: Omit<DeliveredEvent, 'at'>[] = []
  let chars = 0
  let looked = 0
  let place = from
  const take = (page: CurrentPage): ResultPage | undefined => {
    looked += page.results.length
    for (const result of page.results) {
      if (!allowsKey(scope, result.key)) continue
      results.push(parseResult(result, sight))
      chars += result.json.length
    }
    if (page.next !== SCAN_START) place = { ...place, cursor: page.next }
    else if (place.partition + 1 < partitions) place = { partition: place.partition + 1, cursor: SCAN_START }
    else return { results }
    const isFull = looked >= MAX_ANSWER_EVENTS || chars >= MAX_ANSWER_BYTES
    return isFull ? { results, next: formatPlace(place) } : undefined
  }
  for (;;) {
    const left = { results: MAX_ANSWER_EVENTS - looked, bytes: MAX_ANSWER_BYTES - chars }
    const page = await scan(place, left, take)
    if (page !== undefined) return page
  }
}

export function parseResult({ key, json }: CurrentResult, sight: Sight | undefined): Omit<DeliveredEvent, 'at'> {
  const result = JSON.parse(json) as Omit<DeliveredEvent, 'at'>
  if (sight !== undefined) removeHidden(result.data, sight.of(key))
  return result
}

function formatPlace({ partition, cursor }: ScanPlace): string {
  return `${partition}.${cursor}`
}

const PLACE = /^(\d{1,4})\.(.*)$/

/** @throws QueryError `invalid_position` */
export function parsePlace(text: string, partitions: number): ScanPlace {
  const match = PLACE.exec(text)
  const partition = Number(match?.[1])
  if (match === null || partition >= partitions || !isScanCursor(match[2]!)) {
    throw new QueryError('invalid_position', 'after: expected the `next` of the page before')
  }
  return { partition, cursor: match[2]! }
}
