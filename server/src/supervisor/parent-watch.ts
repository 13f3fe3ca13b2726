const POLL_MS = 500

/**
 * Resolves when this process has another parent than at its start, which means that the one it had is gone. Only for
 * parents that are expected to stay, like npm, which leaves its scripts running when it is killed.
 */
export function parentGone(): Promise<string> {
  const parent = process.ppid
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      if (process.ppid === parent) return
      clearInterval(timer)
      resolve('the process that started it is gone')
    }, POLL_MS)
    timer.unref()
  })
}
