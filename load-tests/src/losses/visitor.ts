import { createClient, type Subscription, type TidegateClient } from '@tidegate/client/node'
import type { PositionVector } from '@tidegate/protocol'
import type config from './losses.config.ts'

export type Client = TidegateClient<typeof config>

/** An SDK client with a subscription, which leaves and resumes at its positions, at one gateway or the other. */
export abstract class Visitor {
  readonly name: string
  readonly errors: string[] = []
  readonly #urlOf: (gateway: number) => string
  #gateway: number
  #client: Client | undefined
  #subscription: Subscription<unknown> | undefined
  #positions: PositionVector | undefined

  /** It comes when it is told to. */
  constructor(name: string, gateway: number, urlOf: (gateway: number) => string) {
    this.name = name
    this.#gateway = gateway
    this.#urlOf = urlOf
  }

  abstract get isReady(): boolean

  /** Whether it has a place to come back to. */
  protected abstract get mayLeave(): boolean

  /** @param positions where it left; absent: it begins */
  protected abstract subscribe(client: Client, positions: PositionVector | undefined): Subscription<unknown>

  /** Its subscription is open, and not ready yet. */
  protected abstract entered(subscription: Subscription<unknown>): void

  get isThere(): boolean {
    return this.#client !== undefined
  }

  /** Comes, or comes back to where it was. */
  enter(): void {
    if (this.#client !== undefined) return
    this.#client = createClient<typeof config>({ url: this.#urlOf(this.#gateway) })
    const subscription = this.subscribe(this.#client, this.#positions)
    subscription.onError((error) => this.errors.push(`${this.name}: ${error.message}`))
    this.#subscription = subscription
    this.entered(subscription)
  }

  /** @returns whether it could: it may be away, or have no place to come back to */
  async leave(elsewhere: boolean): Promise<boolean> {
    if (this.#client === undefined || !this.mayLeave) return false
    const client = this.#client
    this.#client = undefined
    this.#positions = this.#subscription!.positions
    this.#subscription!.close()
    if (elsewhere) this.#gateway = 1 - this.#gateway
    await client.close({ deadlineMs: 0 })
    return true
  }

  async close(): Promise<void> {
    await this.#client?.close({ deadlineMs: 0 })
  }

  /** Whether it is the one of the present visit. */
  protected isPresent(subscription: Subscription<unknown>): boolean {
    return this.#subscription === subscription
  }
}
