import { TidegateError } from '@tidegate/client'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { EntityWatch, HISTORY_PAGE, type HistoryLine, type Moment } from '../src/model/entity-watch.ts'

/** An entity with so many versions; each state is its number. */
class Source {
  versions: number
  /** Events that it keeps no longer. */
  cut = 0
  error: Error | undefined
  ready: Promise<void> = Promise.resolve()
  isClosed = false
  reads = 0
  /** The version to which it was erased. */
  #erased = 0
  #listener = () => {}
  #eraseListener = () => {}

  constructor(versions: number) {
    this.versions = versions
  }

  async get({ version = this.versions }: { version?: number } = {}): Promise<Moment> {
    this.reads++
    if (this.error !== undefined) throw this.error
    if (version < this.cut) throw new Error('trimmed')
    if (version < this.#erased) throw new TidegateError('erased', 'gone')
    if (version === this.#erased) throw new TidegateError('not_found', 'none')
    return { version, time: version, view: { n: version } }
  }

  async *history({ after, limit }: { after: number; limit: number }): AsyncGenerator<readonly HistoryLine[]> {
    const from = Math.max(after, this.cut, this.#erased)
    const length = Math.max(0, Math.min(limit, this.versions - from))
    yield Array.from({ length }, (_, i) => ({ version: from + i + 1, type: 'added', time: 1, commandId: 'c' }))
  }

  onChange(listener: () => void): () => void {
    this.#listener = listener
    return () => {}
  }

  onErase(listener: () => void): () => void {
    this.#eraseListener = listener
    return () => {}
  }

  erase(): void {
    this.#erased = ++this.versions
    this.#eraseListener()
  }

  change(versions: number): void {
    this.versions = versions
    this.#listener()
  }

  close(): void {
    this.isClosed = true
  }
}

function shownBy({ watched }: EntityWatch) {
  if (watched.kind !== 'shown') return watched.kind
  const { newest, shown, page } = watched
  return { newest: newest.version, shown: shown.version, first: page.first, events: page.events.length }
}

const settle = () => vi.advanceTimersByTimeAsync(500)

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

describe('entity watch', () => {
  test('entity watch - shows the newest version and follows it', async () => {
    const source = new Source(3)
    const changed = vi.fn()
    const watch = new EntityWatch(source, changed)
    expect(shownBy(watch)).toBe('loading')
    await settle()
    expect(watch.isLive).toBe(true)
    expect(shownBy(watch)).toEqual({ newest: 3, shown: 3, first: 1, events: 3 })
    changed.mockClear()
    source.change(HISTORY_PAGE + 1)
    await settle()
    expect(changed).toHaveBeenCalled()
    expect(shownBy(watch)).toEqual({ newest: 11, shown: 11, first: 2, events: 10 })
  })

  test('entity watch - stays at a chosen version, turns pages, and follows again from the newest on', async () => {
    const source = new Source(25)
    const watch = new EntityWatch(source, () => {})
    await settle()
    watch.choose(7)
    await settle()
    expect(shownBy(watch)).toEqual({ newest: 25, shown: 7, first: 1, events: 10 })
    source.change(26)
    await settle()
    expect(shownBy(watch)).toEqual({ newest: 26, shown: 7, first: 1, events: 10 })
    watch.turnTo(21)
    await settle()
    expect(shownBy(watch)).toEqual({ newest: 26, shown: 7, first: 17, events: 10 })
    expect(watch.isNewest).toBe(false)
    watch.choose(26)
    expect(watch.isNewest).toBe(true)
    source.change(27)
    await settle()
    expect(shownBy(watch)).toMatchObject({ newest: 27, shown: 27 })
  })

  test('entity watch - many changes are a few reads, of which the last one counts', async () => {
    const source = new Source(1)
    const watch = new EntityWatch(source, () => {})
    await settle()
    const before = source.reads
    for (let version = 2; version <= 100; version++) source.change(version)
    await settle()
    expect(source.reads - before).toBeLessThanOrEqual(3)
    expect(shownBy(watch)).toMatchObject({ newest: 100 })
  })

  test('entity watch - versions that Redis lost are not asked for', async () => {
    const source = new Source(9)
    const watch = new EntityWatch(source, () => {})
    await settle()
    watch.choose(8)
    await settle()
    source.change(5)
    await settle()
    expect(shownBy(watch)).toEqual({ newest: 5, shown: 5, first: 1, events: 5 })
  })

  test('entity watch - what an entity keeps no longer is not asked for', async () => {
    const source = new Source(250)
    source.cut = 200
    const watch = new EntityWatch(source, () => {})
    await settle()
    watch.choose(1)
    await settle()
    expect(watch.watched).toMatchObject({ oldest: 200, shown: { version: 200 } })
    expect(shownBy(watch)).toMatchObject({ first: 201, events: 10 })
  })

  test('entity watch - shows nothing of an entity once it was erased, and then what happens to it', async () => {
    const source = new Source(9)
    const watch = new EntityWatch(source, () => {})
    await settle()
    watch.choose(4)
    await settle()
    source.erase()
    await settle()
    expect(shownBy(watch)).toBe('absent')
    source.change(12)
    await settle()
    expect(shownBy(watch)).toEqual({ newest: 12, shown: 12, first: 11, events: 2 })
    watch.choose(10)
    await settle()
    expect(shownBy(watch)).toEqual({ newest: 12, shown: 12, first: 11, events: 2 })
    expect(watch.isNewest).toBe(true)
  })

  test('entity watch - says what is missing, what failed, and that nothing is live', async () => {
    const source = new Source(0)
    source.ready = Promise.reject(new TidegateError('not_live', 'no'))
    const watch = new EntityWatch(source, () => {})
    await settle()
    expect([shownBy(watch), watch.isLive]).toEqual(['absent', false])
    source.error = new Error('no answer')
    watch.refresh()
    await settle()
    expect(watch.watched).toEqual({ kind: 'failed', message: 'no answer' })
    source.error = undefined
    source.versions = 1
    watch.refresh()
    await settle()
    expect(shownBy(watch)).toMatchObject({ shown: 1 })
  })

  test('entity watch - closed, it changes nothing any more', async () => {
    const source = new Source(1)
    const changed = vi.fn()
    const watch = new EntityWatch(source, changed)
    watch.close()
    await settle()
    expect(source.isClosed).toBe(true)
    expect(changed).not.toHaveBeenCalled()
  })
})
