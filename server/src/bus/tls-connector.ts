import { connect, type TLSSocket } from 'node:tls'
import { AbstractConnector, type RedisOptions } from 'ioredis'

/** Errors of a connection that was given up while it shook hands have nobody else who listens. */
const ignored = () => {}

/**
 * Opens TLS connections for ioredis. Its own connector listens for the first error only: a second one, of a handshake
 * that is given up, would end the process. And here the files are read for each connection, so that a renewed
 * certificate is in use after the next reconnect.
 *
 * @param tlsOf options of the connection. It may throw.
 */
export function tlsConnector(tlsOf: () => NonNullable<RedisOptions['tls']>): NonNullable<RedisOptions['Connector']> {
  return class extends AbstractConnector {
    readonly #options: { readonly host?: string; readonly port?: number }

    constructor(options: unknown) {
      const { disconnectTimeout } = options as { readonly disconnectTimeout: number }
      super(disconnectTimeout)
      this.#options = options as { readonly host?: string; readonly port?: number }
    }

    async connect(): Promise<TLSSocket> {
      this.connecting = true
      // As ioredis does it: a connection that is closed in the same turn is not opened.
      await new Promise<void>((resolve) => process.nextTick(resolve))
      if (!this.connecting) throw new Error('Connection is closed.')
      const { host, port } = this.#options
      const stream = connect({ ...(host !== undefined && { host }), ...(port !== undefined && { port }), ...tlsOf() })
      stream.on('error', ignored)
      stream.once('error', (error) => {
        this.firstError = error
      })
      this.stream = stream
      return stream
    }
  } as NonNullable<RedisOptions['Connector']>
}
