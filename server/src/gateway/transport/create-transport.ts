import type { Tls } from '../../tls.ts'
import type { Transport, TransportHandlers } from './transport.ts'
import { NoUwsBinary } from './uws/uws-module.ts'

export type TransportName = 'uws' | 'node'

/** Creates one transport. Loaded on demand: a gateway needs only one of the two packages. */
export const LOAD: Readonly<Record<TransportName, (handlers: TransportHandlers, tls?: Tls) => Promise<Transport>>> = {
  uws: async (handlers, tls) => (await import('./uws/uws-transport.ts')).createUwsTransport(handlers, tls && { tls }),
  node: async (handlers, tls) =>
    (await import('./node/node-transport.ts')).createNodeTransport(handlers, tls && { tls }),
}

/** As measured by `bench fanout` and `bench idle`, see docs/transports.md. */
const COST =
  'connections are served by node:http and ws, at about 1.5 times the CPU for each frame and 8 instead of 4 MB for 1,000 connections.'

export interface TransportChoice {
  /** `undefined`: uws where its binary loads, else node. */
  readonly name: TransportName | undefined
  readonly handlers: TransportHandlers
  /** Absent: connections are not encrypted. */
  readonly tls?: Tls | undefined
  /** Gets one line when it is node: the reason, and the cost. */
  readonly warn: (line: string) => void
}

/**
 * Creates the requested transport, or the best one that runs here. It does not listen yet.
 *
 * @throws {NoUwsBinary} when uws is requested by name.
 */
export async function createTransport({ name, handlers, tls, warn }: TransportChoice): Promise<Transport> {
  if (name === 'uws') return LOAD.uws(handlers, tls)
  if (name === 'node') {
    warn(`TIDEGATE_TRANSPORT=node: ${COST}`)
    return LOAD.node(handlers, tls)
  }
  try {
    return await LOAD.uws(handlers, tls)
  } catch (error) {
    if (!(error instanceof NoUwsBinary)) throw error
    warn(`${error.summary} ${COST}`)
    return LOAD.node(handlers, tls)
  }
}
