import type { RecordLog } from './record-log.ts'

const RECORDS = 'records'

/** Lines as records of an IndexedDB database, of which each call is one transaction: they complete in order. */
export class IndexedDbLog implements RecordLog {
  readonly lines: readonly string[]
  readonly #database: IDBDatabase
  readonly #unlock: () => void
  #last: Promise<void> = Promise.resolve()
  #isClosed = false

  private constructor(database: IDBDatabase, lines: readonly string[], unlock: () => void) {
    this.#database = database
    this.lines = lines
    this.#unlock = unlock
  }

  /** @param unlock called when it is closed */
  static async open(name: string, unlock: () => void): Promise<IndexedDbLog> {
    const opening = indexedDB.open(name, 1)
    opening.onupgradeneeded = () => opening.result.createObjectStore(RECORDS, { autoIncrement: true })
    const database = await answer(opening)
    const lines = await answer<string[]>(database.transaction(RECORDS).objectStore(RECORDS).getAll())
    return new IndexedDbLog(database, lines, unlock)
  }

  append(lines: readonly string[]): Promise<void> {
    return this.#write('relaxed', (records) => add(records, lines))
  }

  replace(lines: readonly string[]): Promise<void> {
    return this.#write('relaxed', (records) => {
      records.clear()
      add(records, lines)
    })
  }

  /** A strict transaction flushes those before it. */
  flush(): Promise<void> {
    return this.#write('strict', (records) => records.delete(0))
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#database.close()
    void this.#last.catch(() => {}).then(this.#unlock)
  }

  #write(durability: IDBTransactionDurability, change: (records: IDBObjectStore) => void): Promise<void> {
    this.#last = new Promise((resolve, reject) => {
      const transaction = this.#database.transaction(RECORDS, 'readwrite', { durability })
      transaction.oncomplete = () => resolve()
      transaction.onabort = () => reject(transaction.error)
      change(transaction.objectStore(RECORDS))
    })
    return this.#last
  }
}

function add(records: IDBObjectStore, lines: readonly string[]): void {
  for (const line of lines) records.add(line)
}

function answer<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
}
