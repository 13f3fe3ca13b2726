/**
 * Calls an application's callback, and returns what it returns. Its error is reported like any uncaught one, but later:
 * thrown here it would keep the rest of a frame from being delivered.
 */
export function callBack<Argument>(callback: (argument: Argument) => unknown, argument: Argument): unknown {
  try {
    return callback(argument)
  } catch (error) {
    queueMicrotask(() => {
      throw error
    })
    return undefined
  }
}

/** Whether a callback has not finished when it returns. */
export function isPromise(result: unknown): result is PromiseLike<unknown> {
  return typeof (result as PromiseLike<unknown> | undefined)?.then === 'function'
}
