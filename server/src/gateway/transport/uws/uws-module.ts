import { createRequire } from 'node:module'

export type UwsModule = typeof import('uWebSockets.js')

/** There is no binary of uWebSockets.js for this Node on this system. */
export class NoUwsBinary extends Error {
  override readonly name = 'NoUwsBinary'
  readonly summary: string

  constructor(cause: unknown) {
    const summary = `uWebSockets.js has no binary for Node ${process.version} on ${process.platform}-${process.arch}.`
    const needed = 'Node 20 needs linux-x64 with glibc 2.27, Node 22 and 24 need glibc 2.38, macOS or Windows.'
    super(`${summary} ${needed} TIDEGATE_TRANSPORT=node does without it.`, { cause })
    this.summary = summary
  }
}

/** Its undeclared switch for the header by which it names itself in every answer. */
interface Unnamed {
  _cfg?(option: 'silent'): void
}

/**
 * By `require`: on Node 20 the error that the package throws without a binary ends the process when it is imported,
 * caught or not.
 *
 * @throws {NoUwsBinary}
 */
export function loadUws(): UwsModule {
  try {
    const uWS = createRequire(import.meta.url)('uWebSockets.js') as UwsModule & Unnamed
    uWS._cfg?.('silent')
    return uWS
  } catch (cause) {
    throw new NoUwsBinary(cause)
  }
}
