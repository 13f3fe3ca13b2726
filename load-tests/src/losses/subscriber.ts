import type { Gap, Subscription } from '@tidegate/client/node'
import { LANES, type Lane, type Position, type PositionVector, parsePosition } from '@tidegate/protocol'
import { COPY, NOTE } from './losses.config.ts'
import type { SubscriberPlan } from './schedule.ts'
import { type Client, Visitor } from './visitor.ts'

/** Something that a subscriber was told of a lane of a partition. `arrivedAt` is in ms since 1970. */
export type Told = { readonly arrivedAt: number } & (
  | { readonly kind: 'event'; readonly at: Position; readonly id: string }
  | {
      readonly kind: 'gap'
      readonly after: Position | undefined
      readonly upTo: Position
      readonly reason: Gap['reason']
    }
)

/** One that keeps all that it is told. */
export class Subscriber extends Visitor {
  readonly topic: typeof NOTE | typeof COPY
  readonly lanes: readonly Lane[]
  readonly isFromNow: boolean
  /** By partition and lane, in the order in which it came. */
  readonly told = new Map<string, Told[]>()
  /** Where it began. */
  start: PositionVector | undefined
  readonly #plan: SubscriberPlan
  #isReady = false

  constructor(number: number, plan: SubscriberPlan, urlOf: (gateway: number) => string) {
    super(`s${number}`, plan.gateway, urlOf)
    this.topic = plan.topic === 'note' ? NOTE : COPY
    this.lanes = plan.topic === 'copy' ? ['normal'] : (plan.lanes ?? LANES)
    this.isFromNow = plan.from === 'now'
    this.#plan = plan
    this.enter()
  }

  get isReady(): boolean {
    return this.#isReady
  }

  /** Who was never granted has no place to come back to. */
  protected get mayLeave(): boolean {
    return this.start !== undefined
  }

  protected subscribe(client: Client, positions: PositionVector | undefined): Subscription<unknown> {
    const { lanes, from } = this.#plan
    const place = positions !== undefined ? { from: { positions } } : from === 'earliest' ? { from } : {}
    const options = { ...(lanes !== undefined && { lanes }), ...place }
    const subscription = client.subscribe(this.topic, options, ({ at, lane, id }) =>
      this.#tell(lane, { kind: 'event', at: parsePosition(at)!, id, arrivedAt: Date.now() }),
    )
    subscription.onGap(({ lane, after, upTo, reason }) => {
      const from = after === undefined ? undefined : parsePosition(after)!
      this.#tell(lane, { kind: 'gap', after: from, upTo: parsePosition(upTo)!, reason, arrivedAt: Date.now() })
    })
    return subscription
  }

  protected entered(subscription: Subscription<unknown>): void {
    this.#isReady = false
    subscription.ready.then(
      () => {
        if (!this.isPresent(subscription)) return
        this.#isReady = true
        this.start ??= subscription.positions
      },
      () => {},
    )
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
