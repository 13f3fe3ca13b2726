import type { Mark } from '../../bus/index.ts'
import type { ByLane } from '../wire/index.ts'

/** Where reading starts in one (topic, partition). */
export interface LogStart {
  /** Epoch of the log at the time. */
  readonly epoch: string
  /** Exclusive, by lane. */
  readonly marks: ByLane<Mark>
}

export function everyLane(epoch: string, mark: Mark): LogStart {
  return { epoch, marks: [mark, mark, mark] }
}
