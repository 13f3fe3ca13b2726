import { createConnection, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from 'node:tls'
import { AbstractConnector, type RedisOptions } from 'ioredis'
import type { HostAndPort, RedisTls } from '../../redis-address.ts'
import { tlsOptions } from './tls-options.ts'

export type Connector = NonNullable<RedisOptions['Connector']>

/** Where a socket leads to: a host and port, or a unix socket. */
export type Place = HostAndPort | { readonly path: string }

export interface ConnectorOptions {
  /** Opens a socket. It may wait until it knows where to. */
  readonly open: () => Promise<Socket>
  /** Whether to use what answers there, by its role. @param isFirst of this connection */
  readonly refusalOf: (role: string | undefined, isFirst: boolean) => Error | undefined
}

/** Tells ioredis of an error, which it emits. */
type Tell = (type: string, error: Error) => void

/** How soon to try again when it is not known where to connect to. */
const RETRY_MS = 200

/** Errors of a connection that was given up while it shook hands have nobody else who listens. */
const ignored = () => {}

/**
 * Opens the sockets of ioredis. Its own connectors listen for the first error only: a second one, of a handshake that is
 * given up, would end the process. Its connector for Sentinels asks one of them at a time, and waits for one that hangs.
 */
export function connectorOf({ open, refusalOf }: ConnectorOptions): Connector {
  return class extends AbstractConnector {
    #tell: Tell = ignored
    #isFirst = true

    constructor(options: unknown) {
      super((options as { readonly disconnectTimeout: number }).disconnectTimeout)
    }

    async connect(tell: Tell): Promise<Socket> {
      this.#tell = tell
      this.connecting = true
      // As ioredis does it: a connection that is closed in the same turn is not opened.
      await new Promise<void>((resolve) => process.nextTick(resolve))
      while (this.connecting) {
        try {
          const socket = await open()
          socket.on('error', ignored)
          socket.once('error', (error) => {
            this.firstError = error
          })
          this.stream = socket
          if (this.connecting) return socket
          socket.destroy()
        } catch (error) {
          // ioredis would never try again if this were its own.
          tell('error', error as Error)
          await sleep(RETRY_MS * (0.5 + Math.random()))
        }
      }
      throw new Error('Connection is closed.')
    }

    override check({ role }: { readonly role?: string }): boolean {
      const refusal = refusalOf(role, this.#isFirst)
      this.#isFirst = false
      if (refusal !== undefined) this.#tell('error', refusal)
      return refusal === undefined
    }

    override disconnect(): void {
      // ioredis would wait for a socket that has ended.
      if (this.stream?.destroyed) this.connecting = false
      else super.disconnect()
    }
  } as Connector
}

/** The files of `tls` are read for each connection, so that a renewed certificate is in use after the next reconnect. */
export function openSocket(place: Place, tls: RedisTls | undefined): Socket {
  return tls === undefined ? createConnection(place) : connect({ ...place, ...tlsOptions(tls) })
}
