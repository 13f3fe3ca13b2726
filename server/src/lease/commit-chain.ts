import { randomUUID } from 'node:crypto'
import type { CommitReply, CommitRequest, LogVersion } from '../bus/index.ts'
import type { Hold } from './leased.ts'

/** The base of the first commit. */
export interface ChainStart {
  readonly log: LogVersion
  readonly commitSeq: number
  readonly offsetsText: string
}

/** The commits of one loop, each based on the one before. One is under way at a time. */
export class CommitChain {
  readonly #hold: Hold
  readonly #token: string
  readonly #log: LogVersion
  #commitSeq: number
  #offsetsText: string

  constructor(hold: Hold, token: string, { log, commitSeq, offsetsText }: ChainStart) {
    this.#hold = hold
    this.#token = token
    this.#log = log
    this.#commitSeq = commitSeq
    this.#offsetsText = offsetsText
  }

  /** Offsets as stored. */
  get offsetsText(): string {
    return this.#offsetsText
  }

  /** The next commit. Created when its operations are taken, possibly before it is sent. */
  next(work: Pick<CommitRequest, 'offsets' | 'clocks' | 'operations' | 'keepsTakes'>): CommitRequest {
    const [log, token, commitSeq] = [this.#log, this.#token, this.#commitSeq]
    return { log, token, commitSeq, commitId: randomUUID(), offsetsBefore: this.#offsetsText, ...work }
  }

  /**
   * Resolves when Redis has answered. After an unknown outcome the same request is sent again; its commit id tells
   * whether it was stored.
   *
   * @throws Abandoned, BusMismatch
   */
  async send(request: CommitRequest, commit: (request: CommitRequest) => Promise<CommitReply>): Promise<CommitReply> {
    const reply = await this.#hold.answered(() => commit(request))
    if (reply.status !== 'ok') return reply
    this.#commitSeq++
    this.#offsetsText = request.offsets
    return reply
  }
}
