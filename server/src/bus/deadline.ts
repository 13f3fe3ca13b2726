/** A call that was not answered in time. It may have run. */
export class DeadlineExceeded extends Error {
  override readonly name: string = 'DeadlineExceeded'

  constructor(deadlineMs: number) {
    super(`no answer within ${deadlineMs} ms`)
  }
}

/** A call given up while its answer was still arriving: the answer is too large for the link. */
export class AnswerTooSlow extends Error {
  override readonly name = 'AnswerTooSlow'

  constructor(waitedMs: number) {
    super(`the answer was still arriving after ${waitedMs} ms`)
  }
}

/** How many deadlines an answer may take while part of it arrives in each: 1 MB at 2 Mbit/s. */
const ARRIVAL_DEADLINES = 4

/**
 * Resolves with the answer or rejects with `DeadlineExceeded`. The event loop reads its sockets once more first: if it
 * was blocked for longer than the deadline, the answer may already be there.
 *
 * @param receivedBytes bytes received over the call's connection so far. While they grow, the deadline starts again, a
 *   few times; then the call fails with `AnswerTooSlow`.
 */
export function withDeadline<T>(deadlineMs: number, answer: Promise<T>, receivedBytes?: () => number): Promise<T> {
  return new Promise((resolve, reject) => {
    let before = receivedBytes?.()
    let deadlines = 0
    const look = () => {
      const received = receivedBytes?.()
      deadlines++
      if (received === before) return reject(new DeadlineExceeded(deadlineMs * deadlines))
      if (deadlines === ARRIVAL_DEADLINES) return reject(new AnswerTooSlow(deadlineMs * deadlines))
      before = received
      timer = setTimeout(onTimeout, deadlineMs)
    }
    const onTimeout = () => {
      immediate = setImmediate(look)
    }
    let immediate: NodeJS.Immediate | undefined
    let timer = setTimeout(onTimeout, deadlineMs)
    answer.then(resolve, reject).finally(() => {
      clearTimeout(timer)
      clearImmediate(immediate)
    })
  })
}
