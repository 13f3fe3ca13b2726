import { DEFAULTS, type PublishGrant } from '@tidegate/protocol'

/** Appends that take longer than this say that Redis or this gateway has more to do than it can: usual is 5 to 30 ms. */
const SLOW_MS = 150
/** Below this the backlog is gone. */
const CALM_MS = 60
/** After a smaller grant this long passes before the next step: what was sent under the larger one has to be answered first. */
const SHRINK_EVERY_MS = 250
/** A larger one is tried in small steps of time, or the backlog would be back at once. */
const GROW_EVERY_MS = 1_000
/** Each step halves or doubles. */
const STEPS = 4
/** A frame sent before its client heard of a smaller grant is not outside it. */
const GRACE_MS = 2_000
const MAX_RETRY_MS = 1_000

/** What publishers are told when the grant changes. */
export interface GrantChange {
  readonly publish: PublishGrant
  /** How long to send nothing; 0 when the grant grew. */
  readonly retryAfterMs: number
}

/**
 * How much each publisher may have unacknowledged: less while appends are slow, so that what is accepted is answered in
 * time and the rest waits where it came from. Additive in time, multiplicative in size, as congestion windows are.
 */
export class PublishControl {
  #step = 0
  #changedAt = Number.NEGATIVE_INFINITY
  #shrunkAt = Number.NEGATIVE_INFINITY
  #before = grantAt(0)

  get grant(): PublishGrant {
    return grantAt(this.#step)
  }

  /** What a publisher must not exceed: the grant, or the larger one before while it may not have heard of the change. */
  enforced(now: number): PublishGrant {
    return now - this.#shrunkAt < GRACE_MS ? this.#before : this.grant
  }

  /** Takes how long appends take now, ms, and says what changes by it. To be called often. */
  observe(appendMs: number, now: number): GrantChange | undefined {
    const passed = now - this.#changedAt
    if (appendMs > SLOW_MS && this.#step < STEPS && passed >= SHRINK_EVERY_MS) {
      // In one go down, what came before the first step may still be on its way.
      if (now - this.#shrunkAt >= GRACE_MS) this.#before = this.grant
      this.#shrunkAt = now
      this.#moveTo(this.#step + 1, now)
      return { publish: this.grant, retryAfterMs: Math.min(MAX_RETRY_MS, Math.round(appendMs)) }
    }
    if (appendMs < CALM_MS && this.#step > 0 && passed >= GROW_EVERY_MS) {
      this.#moveTo(this.#step - 1, now)
      return { publish: this.grant, retryAfterMs: 0 }
    }
    return undefined
  }

  #moveTo(step: number, now: number): void {
    this.#step = step
    this.#changedAt = now
  }
}

function grantAt(step: number): PublishGrant {
  return { frames: DEFAULTS.publishFrames >> step, bytes: DEFAULTS.publishBytes >> step }
}
