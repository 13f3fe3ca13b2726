import type { JobKind } from '../bus/jobs/index.ts'

/** The backfill of a window in one partition. */
export interface BackfillJobData {
  readonly window: string
  readonly partition: number
}

export const BACKFILLS: JobKind<BackfillJobData> = {
  queue: 'backfills',
  idOf: ({ window, partition }) => `${partition} ${window}`,
}
