import { createTransport, type Gateway, type Operators } from '../gateway/index.ts'
import type { Tls } from '../tls.ts'
import { TlsWatch } from '../tls-watch.ts'
import type { GatewaySettings } from './settings.ts'

/** Where a gateway listens: for clients, and for operators if they have an address of their own. */
export interface Listeners {
  readonly port: number
  readonly operatorsPort: number | undefined
  /** Takes no further clients; operators are still answered. */
  stopListening(): void
  /** Ends all connections. */
  close(): void
}

type Address = NonNullable<GatewaySettings['operators']>

/** @throws with what to do when a port cannot be had */
export async function openListeners(
  settings: GatewaySettings,
  tls: Tls | undefined,
  gateway: Gateway,
  operatorsAt: (address: Address) => Operators,
): Promise<Listeners> {
  const { transport: name, host, sharedPort, warn = () => {} } = settings
  const clients = await createTransport({ name, handlers: gateway, tls, warn })
  const { port } = await clients.listen({ host, port: settings.port, shared: sharedPort })
  const address = settings.operators
  // The choice of the transport is reported once, above.
  const operators = address && (await createTransport({ name, handlers: operatorsAt(address), tls, warn: () => {} }))
  const atOperators = address && (await operators?.listen({ ...address, shared: false }))
  const renew = async (next: Tls) => {
    await clients.renew(next)
    await operators?.renew(next)
  }
  const watch = tls && new TlsWatch({ tls, renew, warn })
  watch?.start()
  return {
    port,
    operatorsPort: atOperators?.port,
    stopListening() {
      watch?.close()
      clients.stopListening()
    },
    close() {
      clients.close()
      operators?.close()
    },
  }
}
