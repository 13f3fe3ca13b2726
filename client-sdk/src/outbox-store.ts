import { expectOptions } from './application/arguments.ts'
import { storeFailure } from './outbox-store/errors.ts'
import type { RecordLog } from './outbox-store/record-log.ts'
import { STORE_OPTIONS, StoredOutbox, type StoreOptions } from './outbox-store/stored-outbox.ts'

export type { RecordLog } from './outbox-store/record-log.ts'
export type { RestoredOutcome, StoredOutbox, StoreOptions } from './outbox-store/stored-outbox.ts'

/**
 * Opens an outbox store in a log of your own, for one client. The log has to see to it that nobody else has it open.
 *
 * @throws TidegateError `store_failed`
 */
export async function openOutbox(log: RecordLog, options: StoreOptions = {}): Promise<StoredOutbox> {
  expectOptions('openOutbox', STORE_OPTIONS, options)
  try {
    const outbox = new StoredOutbox(log, options)
    await outbox.begin()
    return outbox
  } catch (error) {
    throw storeFailure(error)
  }
}
