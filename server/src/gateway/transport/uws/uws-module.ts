import { createRequire } from 'node:module'

export type UwsModule = typeof import('uWebSockets.js')

/** There is no binary of uWebSockets.js for this Node on this system. */
export class NoUwsBinary extends Error {
  override readonly name = 'NoUwsBinary'
  readonly summary: string

  constructor(cause: unknown) {
    const summary = `uWebSockets.js has no binary for Node ${process.version} on ${process.platform}-${process.arch}.`
    const needed =
      'Node 20 and 22 need linux-x64 with glibc 2.27. Node 24, and Node 22 on linux-arm64, need glibc 2.38, macOS or Windows.'
    super(`${summary} ${needed} TIDEGATE_TRANSPORT=node does without it.`, { cause })
    this.summary = summary
  }
}

const EARLIER_BUILD = `@uwsjs/${process.platform}-${process.arch}-${process.versions.node.split('.')[0]}`

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
  const require = createRequire(import.meta.url)
  try {
    return silenced(require('uWebSockets.js'))
  } catch (cause) {
    try {
      // An earlier build, of Node 20 and 22, which needs no recent glibc.
      return silenced(require(EARLIER_BUILD))
    } catch {
      throw new NoUwsBinary(cause)
    }
  }
}

function silenced(uWS: UwsModule & Unnamed): UwsModule {
  uWS._cfg?.('silent')
  return uWS
}
