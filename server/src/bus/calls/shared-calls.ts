import { isOutage } from '../redis/outage.ts'

/** What became of a part of a call. */
export type Answer<Reply> = { readonly reply: Reply } | { readonly error: Error }

export interface SharedCallsOptions<Part, Reply> {
  /** Makes one call. @returns an answer for each part, in their order @throws where it failed for all of them */
  readonly call: (parts: readonly Part[]) => Promise<readonly Answer<Reply>[]>
  readonly maxParts: number
  /** Bytes of one call, unless a part alone has more. */
  readonly maxBytes?: number
  readonly bytesOf?: (part: Part) => number
}

interface OpenCall<Part, Reply> {
  readonly parts: Part[]
  bytes: number
  readonly answers: Promise<readonly Answer<Reply>[]>
}

/**
 * Calls of one kind that leave over a connection. What comes for different partitions in the same stretch of the event loop is one
 * call: a call costs Redis and this process more than a part of it does.
 */
export class SharedCalls<Part, Reply> {
  readonly #options: SharedCallsOptions<Part, Reply>
  #open: OpenCall<Part, Reply> | undefined

  constructor(options: SharedCallsOptions<Part, Reply>) {
    this.#options = options
  }

  /** @throws what the call fails with, for all or for this part */
  async add(part: Part): Promise<Reply> {
    const { maxParts, maxBytes = Number.POSITIVE_INFINITY, bytesOf = () => 0 } = this.#options
    const bytes = bytesOf(part)
    let open = this.#open
    if (open === undefined || open.parts.length >= maxParts || open.bytes + bytes > maxBytes) {
      open = this.#begin()
      this.#open = open
    }
    open.bytes += bytes
    const place = open.parts.push(part) - 1
    const answer = (await open.answers)[place]!
    if ('error' in answer) throw answer.error
    return answer.reply
  }

  #begin(): OpenCall<Part, Reply> {
    const parts: Part[] = []
    const answers = endOfStretch().then(() => {
      if (this.#open?.parts === parts) this.#open = undefined
      return this.#options.call(parts)
    })
    return { parts, bytes: 0, answers }
  }
}

/**
 * What Redis cannot do for one part it has done for none, since it judges by its own state before the first write of a script.
 *
 * @throws an outage among the answers to parts of a call
 */
export function throwOutage(answers: readonly Answer<unknown>[]): void {
  for (const answer of answers) if ('error' in answer && isOutage(answer.error)) throw answer.error
}

/** Resolves once the code that runs now, and all that it has resolved, has ended. */
function endOfStretch(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve))
}
