import { expectOptions } from './application/arguments.ts'
import { storeError, storeFailure } from './outbox-store/errors.ts'
import { IndexedDbLog } from './outbox-store/indexeddb-log.ts'
import { STORE_OPTIONS, StoredOutbox, type StoreOptions } from './outbox-store/stored-outbox.ts'

export type { RestoredOutcome, StoredOutbox } from './outbox-store/stored-outbox.ts'

export interface IndexedDbOutboxOptions extends StoreOptions {
  /** Of the database: one client of the origin uses it at a time. `tidegate-outbox` if absent. */
  readonly name?: string
}

/** After a reload, the page before may still be about to go. */
const LOCK_WAIT_MS = 3_000

/**
 * Opens an outbox store in IndexedDB, for one client of one tab: `createClient({ url, outbox: { store } })`. An event is
 * kept when its transaction is complete, a few milliseconds after the call; `store.flush()` waits for that.
 *
 * @throws TidegateError `store_in_use` while another tab, or client, has it open; `store_failed`
 */
export async function openIndexedDbOutbox(options: IndexedDbOutboxOptions = {}): Promise<StoredOutbox> {
  expectOptions('openIndexedDbOutbox', { name: 'a string', ...STORE_OPTIONS }, options)
  const { name = 'tidegate-outbox', onRestored } = options
  const unlock = await lock(name)
  try {
    const outbox = new StoredOutbox(await IndexedDbLog.open(name, unlock), { onRestored })
    await outbox.begin()
    return outbox
  } catch (error) {
    unlock()
    throw storeFailure(error)
  }
}

/** The browser gives the lock of a tab up when that is gone, however it ends. */
function lock(name: string): Promise<() => void> {
  return new Promise((resolve, reject) => {
    if (globalThis.navigator?.locks === undefined) {
      throw storeError('store_failed', 'The page has no navigator.locks: it needs https, or localhost.')
    }
    const signal = AbortSignal.timeout(LOCK_WAIT_MS)
    const held = () => new Promise<void>((unlock) => resolve(unlock))
    navigator.locks.request(`tidegate-outbox ${name}`, { signal }, held).catch((error) => {
      reject(signal.aborted ? storeError('store_in_use', `"${name}" is held.`) : storeFailure(error))
    })
  })
}
