import { Rounds } from '../rounds.ts'

/**
 * A round begins so long after the one before: that many commits take, within limits. What comes meanwhile is folded and
 * committed together, which costs little more than one command alone.
 */
const GAP_COMMITS = 3
const MIN_GAP_MS = 3
const MAX_GAP_MS = 20
/** Weight of the newest commit in the moving average of their times. */
const COMMIT_TIME_WEIGHT = 0.2

/**
 * When partitions read their commands, where these come in numbers: those of a process in the same turn of the event loop. What
 * they send to Redis leaves in one write, its answers come in one read, and their handlers run under one time limit.
 */
export class CommandRounds {
  readonly #rounds = new Rounds(() => Math.min(MAX_GAP_MS, Math.max(MIN_GAP_MS, GAP_COMMITS * this.#commitMs)))
  #commitMs = 0

  /** A commit was answered after this time. */
  committed(ms: number): void {
    this.#commitMs += COMMIT_TIME_WEIGHT * (ms - this.#commitMs)
  }

  /** Resolves when the next round begins, within 20 ms. */
  next(): Promise<void> {
    return new Promise((resolve) => this.#rounds.wait(resolve))
  }
}
