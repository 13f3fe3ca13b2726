import { fork } from 'node:child_process'
import { constants } from 'node:os'
import { COMMAND } from '../package-files.ts'
import { SIGNALS } from './processes/process-life.ts'

/** By the shells' convention. */
const KILLED = 128

/**
 * Runs this command line again with more options of Node: V8 sizes its heap before any code runs. Where Node can, the
 * process becomes the new one. Elsewhere the new one is its child, which ends with it, gets its signals, and speaks to
 * its parent through it.
 *
 * @returns the exit code.
 */
export function runAgainWith(options: readonly string[]): Promise<number> {
  // Node has it from 22.15 on, except on Windows.
  const { execve } = process as { readonly execve?: (file: string, args: readonly string[]) => never }
  const execArgv = [...process.execArgv, ...options]
  // The channel to a parent does not outlive a change of program.
  if (execve !== undefined && !process.connected)
    execve(process.execPath, [process.execPath, ...execArgv, COMMAND, ...process.argv.slice(2)])
  const child = fork(COMMAND, process.argv.slice(2), { execArgv, stdio: 'inherit' })
  for (const signal of SIGNALS) process.on(signal, () => child.kill(signal))
  child.on('message', (message) => process.connected && process.send!(message, () => {}))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => resolve(code ?? KILLED + constants.signals[signal!]))
  })
}
