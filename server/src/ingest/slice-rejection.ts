import { ERROR_CODES, type LogEpoch } from '@tidegate/protocol'
import { describeDefect } from '../observability/defects.ts'
import { RETRY_AFTER_MS } from '../retry-after.ts'
import type { SliceOutcome } from './partition-log.ts'
import { type PublishRejection, reject } from './publish-outcome.ts'

/** Slice verdicts that fail the frame, the most final first: one answer has to stand for all slices. */
const FAILURES = [
  'conflict',
  'fenced',
  'unknown',
  'internal',
  'storage_full',
  'unavailable',
  'epoch_changed',
  'out_of_order',
] as const

/** Why what consists of these slices is not stored. @param outcomes at least one of which is none of a stored slice */
export function rejectionOf(outcomes: readonly SliceOutcome[]): PublishRejection {
  const failure = FAILURES.find((verdict) => outcomes.some((outcome) => outcome.verdict === verdict))!
  const found = outcomes.find((outcome) => outcome.verdict === failure)!
  if (failure === 'unknown') return reject('outcome_unknown')
  if (failure === 'epoch_changed') {
    return epochChanged(outcomes.flatMap((outcome) => (outcome.verdict === failure ? [outcome] : [])))
  }
  if (failure === 'out_of_order') return reject(failure, undefined, 0)
  if (found.verdict === 'internal') return reject('internal', describeDefect(found.defectId), found.retryAfterMs)
  if (failure === 'storage_full') return reject(failure, undefined, RETRY_AFTER_MS.storage)
  return reject(failure, undefined, found.verdict === 'unavailable' ? found.retryAfterMs : undefined)
}

/** Logs of these partitions have other epochs. */
export function epochChanged(present: readonly LogEpoch[]): PublishRejection {
  const epochs = present.map(({ partition, epoch }) => ({ partition, epoch }))
  return { kind: 'reject', code: 'epoch_changed', message: ERROR_CODES.epoch_changed, retryAfterMs: 0, epochs }
}
