import { BACKFILL_QUEUE } from '../../bus/index.ts'
import type { JobKind } from '../job-queue.ts'

/** The backfill of a window in one partition. */
export interface BackfillJobData {
  readonly window: string
  readonly partition: number
}

export const BACKFILLS: JobKind<BackfillJobData> = {
  queue: BACKFILL_QUEUE,
  idOf: ({ window, partition }) => `${partition} ${window}`,
}
