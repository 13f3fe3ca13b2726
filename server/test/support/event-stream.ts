/** One event of a stream. */
export interface StreamEvent {
  readonly event: string
  readonly id: string | undefined
  readonly data: Record<string, unknown>
}

/** A client of server-sent events that takes them when a test asks. */
export class EventStream {
  readonly response: Response
  /** Id of the last event taken that had one. */
  lastId: string | undefined
  retryMs: number | undefined
  comments = 0
  readonly #abort: AbortController
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>
  readonly #decoder = new TextDecoder()
  #text = ''

  private constructor(response: Response, abort: AbortController) {
    this.response = response
    this.#abort = abort
    this.#reader = response.body!.getReader()
  }

  static async open(url: string, headers: Record<string, string> = {}): Promise<EventStream> {
    const abort = new AbortController()
    return new EventStream(await fetch(url, { headers, signal: abort.signal }), abort)
  }

  /** The next event, or `undefined` at the end of the stream. */
  async next(): Promise<StreamEvent | undefined> {
    for (;;) {
      const end = this.#text.indexOf('\n\n')
      if (end === -1) {
        const { done, value } = await this.#reader.read()
        if (done) return undefined
        this.#text += this.#decoder.decode(value, { stream: true })
        continue
      }
      const block = this.#text.slice(0, end)
      this.#text = this.#text.slice(end + 2)
      const event = this.#read(block)
      if (event !== undefined) return event
    }
  }

  /** Takes events until one is of the type. */
  async nextOf(type: string): Promise<StreamEvent> {
    for (;;) {
      const event = await this.next()
      if (event === undefined) throw new Error(`the stream ended before a ${type}`)
      if (event.event === type) return event
    }
  }

  close(): void {
    this.#abort.abort()
    this.#reader.cancel().catch(() => {})
  }

  #read(block: string): StreamEvent | undefined {
    const fields = new Map<string, string>()
    for (const line of block.split('\n')) {
      const colon = line.indexOf(':')
      if (colon === 0) this.comments++
      else fields.set(line.slice(0, colon), line.slice(colon + 1).trimStart())
    }
    const retry = fields.get('retry')
    if (retry !== undefined) this.retryMs = Number(retry)
    const id = fields.get('id')
    if (id !== undefined) this.lastId = id
    const data = fields.get('data')
    return data === undefined
      ? undefined
      : { event: fields.get('event') ?? 'message', id, data: JSON.parse(data) as Record<string, unknown> }
  }
}
