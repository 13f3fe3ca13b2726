/** What a Redis says instead of an answer, such as `NOPERM ...`. */
export class ReplyError extends Error {
  override readonly name = 'ReplyError'
}

/** The transfer ended before all of it was there. */
export class CutTransfer extends Error {
  override readonly name = 'CutTransfer'
}

const LINE_FEED = 0x0a
/** Answers before the snapshot are short. What is longer comes from something else. */
const MAX_LINE_BYTES = 1_024
const MARK_BYTES = 40

/**
 * Reads what a Redis sends to a replica that asks for everything: answers on lines of their own, then the snapshot, either with
 * its length before it (`$1234`) or, where the Redis does not know it yet, up to a mark that it draws for each transfer
 * (`$EOF:<mark>`). While it prepares the snapshot it sends empty lines.
 */
export class ReplicationReply {
  readonly #pieces: AsyncIterator<Buffer>
  #held: Buffer = Buffer.alloc(0)

  constructor(pieces: AsyncIterable<Buffer>) {
    this.#pieces = pieces[Symbol.asyncIterator]()
  }

  /** The next line that is not empty. @throws ReplyError, CutTransfer */
  async line(): Promise<string> {
    for (;;) {
      const end = this.#held.indexOf(LINE_FEED)
      if (end >= 0) {
        const line = this.#held.toString('latin1', 0, end).trimEnd()
        this.#held = this.#held.subarray(end + 1)
        if (line.startsWith('-')) throw new ReplyError(line.slice(1))
        if (line !== '') return line
      } else if (this.#held.length > MAX_LINE_BYTES) throw new ReplyError('Protocol error: a line does not end')
      else this.#held = Buffer.concat([this.#held, await this.#next()])
    }
  }

  /** The header of the snapshot: its size, where that is known. @throws ReplyError, CutTransfer */
  async snapshot(): Promise<{ readonly size: number | undefined; readonly pieces: AsyncGenerator<Buffer> }> {
    const header = await this.line()
    const size = /^\$(\d+)$/.exec(header)?.[1]
    if (size !== undefined) return { size: Number(size), pieces: this.#upToSize(Number(size)) }
    const mark = /^\$EOF:(.+)$/.exec(header)?.[1]
    if (mark?.length !== MARK_BYTES)
      throw new ReplyError(`Protocol error: ${JSON.stringify(header)} in place of a snapshot`)
    return { size: undefined, pieces: this.#upToMark(Buffer.from(mark, 'latin1')) }
  }

  async *#upToSize(size: number): AsyncGenerator<Buffer> {
    for (let left = size; left > 0; ) {
      const piece = await this.#take()
      yield piece.subarray(0, left)
      left -= piece.length
    }
  }

  async *#upToMark(mark: Buffer): AsyncGenerator<Buffer> {
    let tail: Buffer = Buffer.alloc(0)
    for (;;) {
      const seen = Buffer.concat([tail, await this.#take()])
      const end = seen.indexOf(mark)
      if (end >= 0) {
        yield seen.subarray(0, end)
        return
      }
      // The mark may have begun in these bytes.
      const sure = Math.max(0, seen.length - MARK_BYTES + 1)
      if (sure > 0) yield seen.subarray(0, sure)
      tail = seen.subarray(sure)
    }
  }

  /** What was read with a line, or else the next piece. */
  async #take(): Promise<Buffer> {
    const held = this.#held
    if (held.length === 0) return this.#next()
    this.#held = Buffer.alloc(0)
    return held
  }

  async #next(): Promise<Buffer> {
    const { done, value } = await this.#pieces.next()
    if (done) throw new CutTransfer('Redis closed the connection before all was sent')
    return value
  }
}
