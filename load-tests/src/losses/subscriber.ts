import { createClient, type Gap, type Subscription, type TidegateClient } from '@tidegate/client/node'
import { LANES, type Lane, type Position, type PositionVector, parsePosition } from '@tidegate/protocol'
import type config from './losses.config.ts'
import { COPY, NOTE } from './losses.config.ts'
import type { SubscriberPlan } from './schedule.ts'

/** Something that a subscriber was told of a lane of a partition. */
/** `arrivedAt` is in ms since 1970. */
export type Told = { readonly arrivedAt: number } & (
  | { readonly kind: 'event'; readonly at: Position; readonly id: string }
  | {
      readonly kind: 'gap'
      readonly after: Position | undefined
      readonly upTo: Position
      readonly reason: Gap['reason']
    }
)

/** An SDK subscriber that leaves and resumes at its positions, at one gateway or the other. */
export class Subscriber {
  readonly name: string
  readonly topic: typeof NOTE | typeof COPY
  readonly lanes: readonly Lane[]
  readonly isFromNow: boolean
  /** By partition and lane, in the order in which it came. */
  readonly told = new Map<string, Told[]>()
  /** Where it began. */
  start: PositionVector | undefined
  readonly errors: string[] = []
  readonly #urlOf: (gateway: number) => string
  readonly #plan: SubscriberPlan
  #gateway: number
  #client: TidegateClient<typeof config> | undefined
  #subscription: Subscription<unknown> | undefined
  #positions: PositionVector | undefined
  #isReady = false

  constructor(number: number, plan: SubscriberPlan, urlOf: (gateway: number) => string) {
    this.name = `s${number}`
    this.topic = plan.topic === 'note' ? NOTE : COPY
    this.lanes = plan.topic === 'copy' ? ['normal'] : (plan.lanes ?? LANES)
    this.isFromNow = plan.from === 'now'
    this.#plan = plan
    this.#gateway = plan.gateway
    this.#urlOf = urlOf
    this.enter()
  }

  get isReady(): boolean {
    return this.#isReady
  }

  get isThere(): boolean {
    return this.#client !== undefined
  }

  /** Comes, or comes back to where it was. */
  enter(): void {
    if (this.#client !== undefined) return
    const client = createClient<typeof config>({ url: this.#urlOf(this.#gateway) })
    const { lanes, from } = this.#plan
    const positions = this.#positions
    const place = positions !== undefined ? { from: { positions } } : from === 'earliest' ? { from } : {}
    const options = { ...(lanes !== undefined && { lanes }), ...place }
    const subscription = client.subscribe(this.topic, options, ({ at, lane, id }) =>
      this.#tell(lane, { kind: 'event', at: parsePosition(at)!, id, arrivedAt: Date.now() }),
    )
    subscription.onGap(({ lane, after, upTo, reason }) => {
      const from = after === undefined ? undefined : parsePosition(after)!
      this.#tell(lane, { kind: 'gap', after: from, upTo: parsePosition(upTo)!, reason, arrivedAt: Date.now() })
    })
    subscription.onError((error) => this.errors.push(`${this.name}: ${error.message}`))
    this.#client = client
    this.#subscription = subscription
    this.#isReady = false
    subscription.ready.then(
      () => {
        if (this.#subscription !== subscription) return
        this.#isReady = true
        this.start ??= subscription.positions
      },
      () => {},
    )
  }

  /** @returns whether it could: who was never granted has no place to come back to */
  async leave(elsewhere: boolean): Promise<boolean> {
    if (this.#client === undefined || this.start === undefined) return false
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

  of(partition: number, lane: Lane): readonly Told[] {
    return this.told.get(`${partition} ${lane}`) ?? []
  }

  #tell(lane: Lane, told: Told): void {
    const name = `${told.kind === 'event' ? told.at.partition : told.upTo.partition} ${lane}`
    const known = this.told.get(name)
    if (known === undefined) this.told.set(name, [told])
    else known.push(told)
  }
}
