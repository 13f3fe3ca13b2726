import { describeProcess, identify, isAlive } from './process-identity.ts'

const POLL_MS = 500
const SHELL = /^(sh|dash|bash|ash|ksh|zsh)$/

/**
 * Resolves when the npm that started this process is gone: a kill -9 of npm leaves its scripts running. npm starts them
 * through a shell, which some systems keep between the two.
 */
export function npmGone(): Promise<string> {
  const parent = process.ppid
  const described = describeProcess(parent)
  const npm = identify(described !== undefined && SHELL.test(described.name) ? described.parent : parent)
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      if (process.ppid === parent && isAlive(npm)) return
      clearInterval(timer)
      resolve('npm is gone')
    }, POLL_MS)
    timer.unref()
  })
}
