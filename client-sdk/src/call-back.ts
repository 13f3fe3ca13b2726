/**
 * Calls what the application gave. An error it throws is reported like any uncaught one, but later: here it would keep
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
