import type { DeadLetter } from './letter.ts'

/** Which letters somebody means; what is absent excludes none. */
export interface LetterFilter {
  readonly key?: string | undefined
  /** A part of it. */
  readonly cause?: string | undefined
}

export function isWanted({ key, cause }: LetterFilter, letter: DeadLetter): boolean {
  return (key === undefined || letter.event.key === key) && (cause === undefined || letter.cause.includes(cause))
}
