import { Listeners } from '../application/listeners.ts'
import { clientError } from '../errors/errors.ts'
import type { ConnectionStatus } from './machine/state.ts'
import { type ClientStatus, INITIAL_STATUS } from './machine/status.ts'

/** A value that changes, as `useSyncExternalStore` of React takes it: both functions may be passed on alone. */
export interface StatusStore {
  /** The status now: the same object until something changes. */
  readonly get: () => ClientStatus
  /** Calls back after every change. Returns a function that ends that. */
  readonly subscribe: (listener: (status: ClientStatus) => void) => () => void
}

/** The status of a client, for those who look and those who listen. */
export class StatusValue implements StatusStore {
  readonly #listeners = new Listeners<ClientStatus>('status.subscribe')
  /** For those to whom the rest does not matter. */
  readonly onState = new Listeners<ConnectionStatus>('onStatus')
  #value = INITIAL_STATUS
  /** The listeners have heard of it. */
  #told = INITIAL_STATUS

  readonly get = () => this.#value

  readonly subscribe = (listener: (status: ClientStatus) => void) => this.#listeners.add(listener)

  /** Resolves when there is a connection. @throws TidegateError why there will be none */
  online(): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = ({ state, lastError }: ClientStatus) => {
        if (state === 'online') resolve()
        else if (state === 'closed') reject(lastError ?? clientError('closed'))
        else return
        stop()
      }
      const stop = this.subscribe(look)
      look(this.#value)
    })
  }

  /** Listeners hear of it by `tell`. */
  set(next: ClientStatus): void {
    const names = Object.keys(next) as (keyof ClientStatus)[]
    if (names.some((name) => next[name] !== this.#value[name])) this.#value = next
  }

  tell(): void {
    const before = this.#told
    const now = this.#value
    if (now === before) return
    this.#told = now
    this.#listeners.call(now)
    if (now.state !== before.state) this.onState.call(now.state)
  }
}
