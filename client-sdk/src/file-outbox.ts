import { resolve } from 'node:path'
import { expectKind, expectOptions, wrong } from './application/arguments.ts'
import { storeFailure } from './outbox-store/errors.ts'
import { lockFile } from './outbox-store/file-lock.ts'
import { FileLog, FSYNC_POLICIES, type FsyncPolicy } from './outbox-store/file-log.ts'
import { STORE_OPTIONS, StoredOutbox, type StoreOptions } from './outbox-store/stored-outbox.ts'

export type { FsyncPolicy } from './outbox-store/file-log.ts'
export type { RestoredOutcome, StoredOutbox } from './outbox-store/stored-outbox.ts'

export interface FileOutboxOptions extends StoreOptions {
  /** `everysecond` if absent. */
  readonly fsync?: FsyncPolicy
}

/**
 * Opens an outbox store in a file, for one client of this process: `createClient({ url, outbox: { store } })`. An event is
 * kept when the call of `publish` returns: it is then sent once, in order, whatever becomes of this process.
 *
 * @throws TidegateError `store_in_use` while another process, or client, has it open; `store_failed`. TypeError for options that there
 *   are not
 */
export function openFileOutbox(path: string, options: FileOutboxOptions = {}): StoredOutbox {
  expectKind('openFileOutbox: path', 'a string', path)
  expectOptions('openFileOutbox', { fsync: 'a string', ...STORE_OPTIONS }, options)
  const { fsync = 'everysecond', onRestored } = options
  if (!FSYNC_POLICIES.includes(fsync)) throw wrong('openFileOutbox.fsync', FSYNC_POLICIES.join(', '), fsync)
  const file = resolve(path)
  const unlock = lockFile(`${file}.lock`)
  try {
    const outbox = new StoredOutbox(new FileLog(file, fsync, unlock), { onRestored })
    void outbox.begin()
    return outbox
  } catch (error) {
    unlock()
    throw storeFailure(error)
  }
}
