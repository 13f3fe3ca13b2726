/** A call that was not answered in time. Whether it ran is not known. */
export class DeadlineExceeded extends Error {
  override readonly name = 'DeadlineExceeded'

  constructor(deadlineMs: number) {
    super(`no answer within ${deadlineMs} ms`)
  }
}

/**
 * The answer, or `DeadlineExceeded`. The event loop gets a turn to read its sockets first: where it was busy for longer than
 * the deadline, the answer has been waiting there.
 */
export function withDeadline<T>(deadlineMs: number, answer: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => setImmediate(() => reject(new DeadlineExceeded(deadlineMs))), deadlineMs)
    answer.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
