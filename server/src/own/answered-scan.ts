import { setTimeout as pause } from 'node:timers/promises'
import { type Entities, SCAN_START } from '../bus/index.ts'
import type { AnsweredIds } from '../entities/index.ts'
import { Abandoned, untilAnswered } from '../lease/index.ts'

/** 20,000 ids a second: of a full generation it takes some 20 s, and nobody else waits for it. */
const PAGE = 1_000
const PAUSE_MS = 50

/** Goes through the commands that were answered before this owner began, so that those without an answer are known. */
export async function learnAnswered(
  entities: Pick<Entities, 'answered'>,
  ids: AnsweredIds,
  ended: AbortSignal,
): Promise<void> {
  const isOver = () => ended.aborted
  try {
    for (const isOlder of [false, true]) {
      let next = SCAN_START
      do {
        const cursor = next
        const page = await untilAnswered(() => entities.answered(isOlder, cursor, PAGE), isOver)
        ids.found(page.ids, { isOlder })
        next = page.next
        if (next !== SCAN_START) await pause(PAUSE_MS, undefined, { ref: false })
      } while (next !== SCAN_START)
    }
    ids.complete()
  } catch (error) {
    if (!(error instanceof Abandoned)) throw error
  }
}
