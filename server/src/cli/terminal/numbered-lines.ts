export interface NumberedLine {
  /** Counted from 1. */
  readonly number: number
  readonly text: string
}

const LINE_END = 0x0a

/**
 * The lines of an input, one at a time and none of them longer than `maxBytes`. Empty ones are counted and passed over.
 *
 * @throws Error with the number of a line that is too long or no UTF-8
 */
export async function* numberedLines(input: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<NumberedLine> {
  let parts: Uint8Array[] = []
  let bytes = 0
  let number = 1
  const add = (part: Uint8Array) => {
    bytes += part.length
    if (bytes > maxBytes) throw new Error(`line ${number}: longer than ${maxBytes} bytes`)
    parts.push(part)
  }
  const take = (): NumberedLine => {
    const line = { number, text: textOf(Buffer.concat(parts), number) }
    parts = []
    bytes = 0
    number++
    return line
  }
  for await (const chunk of input) {
    let from = 0
    for (let end = chunk.indexOf(LINE_END); end >= 0; end = chunk.indexOf(LINE_END, from)) {
      add(chunk.subarray(from, end))
      from = end + 1
      const line = take()
      if (line.text.trim() !== '') yield line
    }
    add(chunk.subarray(from))
  }
  const last = take()
  if (last.text.trim() !== '') yield last
}

function textOf(line: Uint8Array, number: number): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(line)
  } catch (cause) {
    throw new Error(`line ${number}: it is no UTF-8`, { cause })
  }
}
