/** Interval of progress lines where they cannot be overwritten. */
const LINE_EVERY_MS = 2_000

/** In a terminal one line that is overwritten; elsewhere a line at intervals. */
export class ProgressLine {
  readonly #output: NodeJS.WriteStream
  /** Nothing is shown before, by the monotonic clock. */
  readonly #from: number
  #saidAt = Number.NEGATIVE_INFINITY
  #said = ''
  #text = ''

  /** @param quietMs what is done by then needs no progress */
  constructor(output: NodeJS.WriteStream, quietMs = 0) {
    this.#output = output
    this.#from = performance.now() + quietMs
  }

  show(text: string): void {
    if (performance.now() < this.#from) return
    this.#text = text
    if (this.#output.isTTY) this.#output.write(`\r\u001b[K${text}`)
    else if (text !== this.#said && performance.now() - this.#saidAt >= LINE_EVERY_MS) this.#say(text)
  }

  end(): void {
    if (this.#text === '') return
    if (this.#output.isTTY) this.#output.write('\n')
    else if (this.#text !== this.#said) this.#say(this.#text)
  }

  #say(text: string): void {
    this.#saidAt = performance.now()
    this.#said = text
    this.#output.write(`${text}\n`)
  }
}
