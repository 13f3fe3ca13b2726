/**
 * Calls an application's callback. Its error is reported like any uncaught one, but later: thrown here it would keep
 * the rest of a frame from being delivered.
 */
export function callBack<Argument>(callback: (argument: Argument) => void, argument: Argument): void {
  try {
    callback(argument)
  } catch (error) {
    queueMicrotask(() => {
      throw error
    })
  }
}
