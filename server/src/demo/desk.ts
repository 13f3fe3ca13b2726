import { createHash } from 'node:crypto'
import type { DemoCommand } from './demo-command.ts'
import type { DemoEvent } from './demo-event.ts'

// Trails are not trimmed. At these shares a demo left running stores some 20 MB a day.

/** Accounts are used in a circle; the one so far ahead of the newest is the next to be deleted. */
const ACCOUNTS = 40
const AHEAD = 10
/** One order in so many is kept as an entity. */
const ORDERS = 8
/** Of the kept orders, by their count: paid twice, cancelled before the payment comes, refunded after it. */
const PAID_TWICE = 5
const CANCELLED = 7
const REFUNDED = 11
/** One reading in so many is sent to the sensor's twin, and each that begins or ends something unusual; every third is processed. */
const READINGS = 40
const PROCESSED = 3
const USUAL_DEGC = { min: 0, max: 30 } as const

/**
 * What the staff of the simulated world do about its events: they keep accounts, orders and twins of sensors, and now and then
 * ask for what cannot be done. The same events lead to the same commands.
 */
export class Desk {
  #signUps = 0
  #orders = 0
  /** Kept orders that wait for their payment -> their count. */
  readonly #unpaid = new Map<string, number>()
  readonly #sensors = new Map<string, { readonly count: number; readonly isUnusual: boolean }>()

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

  #paid({ orderId: key, paymentId, amount }: { orderId: string; paymentId: string; amount: number }): DemoCommand[] {
    const kept = this.#unpaid.get(key)
    if (kept === undefined) return []
    this.#unpaid.delete(key)
    const half = Math.round(amount * 50) / 100
    const parts =
      kept % 3 === 2 && half > 0 && half < amount ? [half, Math.round((amount - half) * 100) / 100] : [amount]
    const commands: DemoCommand[] = parts.map((part, i) => {
      return { entity: 'order', key, command: 'pay', input: { paymentId: `${paymentId}.${i + 1}`, amount: part } }
    })
    if (kept % PAID_TWICE === PAID_TWICE - 1) {
      commands.push({ entity: 'order', key, command: 'pay', input: { paymentId: `${paymentId}.again`, amount } })
    }
    if (kept % REFUNDED === REFUNDED - 1) commands.push({ entity: 'order', key, command: 'refund', input: {} })
    return commands
  }

  #measured({
    sensorId: key,
    ...measured
  }: {
    sensorId: string
    temperature: number
    humidity: number
  }): DemoCommand[] {
    const { temperature } = measured
    const { count, isUnusual: wasUnusual } = this.#sensors.get(key) ?? { count: 0, isUnusual: false }
    const isUnusual = temperature < USUAL_DEGC.min || temperature > USUAL_DEGC.max
    this.#sensors.set(key, { count: count + 1, isUnusual })
    if (count % READINGS !== 0 && isUnusual === wasUnusual) return []
    const update: DemoCommand = { entity: 'sensor', key, command: 'update', input: measured }
    const isProcessed = Math.floor(count / READINGS) % PROCESSED === PROCESSED - 1
    return isProcessed ? [update, { entity: 'sensor', key, command: 'process', input: {} }] : [update]
  }
}

function accountOf(round: number): string {
  return `u-${String((round % ACCOUNTS) + 1).padStart(2, '0')}`
}

/** Enough for invented passwords; real ones need a slow hash. */
function hashOf(password: string): string {
  return createHash('sha256').update(password).digest('base64url')
}
