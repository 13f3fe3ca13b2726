/** Styles that look different: ten colours, and three kinds of line each. */
export const STYLES = 30
/** Keys that keep theirs. Those after them share styles by their names. */
const MAX_KEYS = 10_000

/** One style for each key, in every chart and list of the page. */
export class KeyStyles {
  readonly #styles = new Map<string, number>()

  /** The style of a key that some chart draws; `undefined` for another one. */
  known(key: string): number | undefined {
    return this.#styles.get(key)
  }

  /** Styles of keys that are drawn together: new ones get those that fewest of the others have. */
  of(keys: readonly string[]): readonly number[] {
    const used = new Array<number>(STYLES).fill(0)
    for (const key of keys) {
      const style = this.#styles.get(key)
      if (style !== undefined) used[style]!++
    }
    return keys.map((key) => this.#styles.get(key) ?? this.#choose(key, used))
  }

  #choose(key: string, used: number[]): number {
    if (this.#styles.size >= MAX_KEYS) return hash(key) % STYLES
    const style = used.indexOf(Math.min(...used))
    used[style]!++
    this.#styles.set(key, style)
    return style
  }
}

function hash(text: string): number {
  let sum = 0
  for (let i = 0; i < text.length; i++) sum = (sum * 31 + text.charCodeAt(i)) >>> 0
  return sum
}
