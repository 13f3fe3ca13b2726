/** A client whose frames are not plain costs its gateway one vain scan in so many frames, at most. */
const MAX_SKIPPED = 63

/** Whether the next frame of a connection is scanned: clients write their frames alike. */
export class ScanPace {
  #declined = 0
  #skips = 0

  /** Asked for each frame. */
  isDue(): boolean {
    if (this.#skips === 0) return true
    this.#skips--
    return false
  }

  scanned(): void {
    this.#declined = 0
  }

  declined(): void {
    this.#declined = Math.min(MAX_SKIPPED, 2 * this.#declined + 1)
    // The first one may be an exception.
    this.#skips = this.#declined - 1
  }
}
