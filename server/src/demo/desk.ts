import { createHash } from 'node:crypto'
import type { DemoCommand } from './demo-command.ts'
import type { DemoEvent } from './demo-event.ts'

// States of orders, and trails of users, are kept for good: at these shares a demo left running stores some MB a day.

/** Accounts are used in a circle; the one so far ahead of the newest is the next to be deleted. */
const ACCOUNTS = 20
const AHEAD = 10
/** One order in so many is kept as an entity. */
const ORDERS = 8
/** Of the kept orders, by their count: cancelled at once; the one paid before is paid again, or refunded. */
const CANCELLED = 7
const PAID_AGAIN = 5
const REFUNDED = 11
/** Readings of a sensor after which it is processed. */
const PROCESSED = 100

/**
 * What the staff of the simulated world do about its events: they keep accounts, orders and twins of sensors, and now and then
 * ask for what cannot be done. The same events lead to the same commands.
 */
export class Desk {
  #signUps = 0
  #orders = 0
  /** Kept orders that wait for their payment -> their count. */
  readonly #unpaid = new Map<string, number>()
  #lastPaid: string | undefined
  /** Of each sensor. */
  readonly #readings = new Map<string, number>()

  /** Commands that follow from an event, in their order. */
  commandsOf(sent: DemoEvent): readonly DemoCommand[] {
    switch (sent.topic) {
      case 'commerce.user_signed_up':
        return [this.#visit()]
      case 'commerce.order_placed':
        return this.#placed(sent.event.data)
      case 'commerce.payment_received':
        return this.#paid(sent.event.data)
      case 'sensor.reading':
        return this.#measured(sent.event.data)
    }
  }

  /** Five sign-ups: an account is registered, changed twice and in vain registered again, and an older one is deleted. */
  #visit(): DemoCommand {
    const count = this.#signUps++
    const round = Math.floor(count / 5)
    const key = accountOf(round)
    const passwordHash = hashOf(`${key} ${count}`)
    const account = { email: `${key}@example.org`, passwordHash }
    switch (count % 5) {
      case 1:
        return { entity: 'user', key, command: 'changeEmail', input: { email: `${key}@example.com` } }
      case 2:
        return { entity: 'user', key, command: 'changePassword', input: { passwordHash } }
      case 4:
        return { entity: 'user', key: accountOf(round + AHEAD), command: 'delete', input: {} }
      default:
        return { entity: 'user', key, command: 'register', input: account }
    }
  }

  #placed({ orderId: key, userId, amount }: { orderId: string; userId: string; amount: number }): DemoCommand[] {
    const count = this.#orders++
    if (count % ORDERS !== 0) return []
    const kept = count / ORDERS
    const commands: DemoCommand[] = [{ entity: 'order', key, command: 'place', input: { userId, amount } }]
    if (kept % CANCELLED === CANCELLED - 1) {
      commands.push({ entity: 'order', key, command: 'cancel', input: { reason: 'changed their mind' } })
    }
    this.#unpaid.set(key, kept)
    // A few are never paid.
    if (this.#unpaid.size > 100) this.#unpaid.delete(this.#unpaid.keys().next().value!)
    return commands
  }

  /** The order itself sees the payment. */
  #paid({ orderId, paymentId, amount }: { orderId: string; paymentId: string; amount: number }): DemoCommand[] {
    const kept = this.#unpaid.get(orderId)
    if (kept === undefined) return []
    this.#unpaid.delete(orderId)
    const key = this.#lastPaid
    this.#lastPaid = orderId
    if (key === undefined) return []
    const commands: DemoCommand[] = []
    if (kept % PAID_AGAIN === PAID_AGAIN - 1) {
      commands.push({ entity: 'order', key, command: 'pay', input: { paymentId: `${paymentId}.again`, amount } })
    }
    if (kept % REFUNDED === REFUNDED - 1) commands.push({ entity: 'order', key, command: 'refund', input: {} })
    return commands
  }

  #measured({ sensorId: key }: { sensorId: string }): DemoCommand[] {
    const count = (this.#readings.get(key) ?? 0) + 1
    this.#readings.set(key, count)
    return count % PROCESSED === 0 ? [{ entity: 'sensor', key, command: 'process', input: {} }] : []
  }
}

function accountOf(round: number): string {
  return `u-${String((round % ACCOUNTS) + 1).padStart(2, '0')}`
}

/** Enough for invented passwords; real ones need a slow hash. */
function hashOf(password: string): string {
  return createHash('sha256').update(password).digest('base64url')
}
