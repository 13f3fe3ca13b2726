/** A call that was not answered in time. Whether it ran is not known. */
export class DeadlineExceeded extends Error {
  override readonly name: string = 'DeadlineExceeded'

  constructor(deadlineMs: number) {
    super(`no answer within ${deadlineMs} ms`)
  }
}

/** A call whose answer was still arriving when it was given up: too large for the way it takes. */
export class AnswerTooSlow extends Error {
  override readonly name = 'AnswerTooSlow'

  constructor(waitedMs: number) {
    super(`the answer was still arriving after ${waitedMs} ms`)
  }
}

/** How many deadlines an answer may take while some of it arrives in each: 1 MB at 2 Mbit/s. */
const ARRIVAL_DEADLINES = 4

/**
 * The answer, or `DeadlineExceeded`. The event loop gets a turn to read its sockets first: where it was busy for longer than
 * the deadline, the answer has been waiting there.
 *
 * @param receivedBytes bytes that have come over the call's connection so far. As long as there are more the deadline begins
 *   anew, a few times; then it is `AnswerTooSlow`.
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
