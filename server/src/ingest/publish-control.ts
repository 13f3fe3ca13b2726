import { DEFAULTS, type PublishGrant } from '@tidegate/protocol'

/** Slower appends mean that Redis or this gateway is overloaded: usual are 5 to 30 ms. */
const SLOW_MS = 150
/** Below this the backlog is gone. */
const CALM_MS = 60
/** Minimum time between two smaller grants: frames sent under the larger one must be answered first. */
const SHRINK_EVERY_MS = 250
/** Minimum time between two larger grants, or the backlog would be back at once. */
const GROW_EVERY_MS = 1_000
/** Each step halves or doubles. */
const STEPS = 4
/** A frame sent before its client received a smaller grant is not outside the grant. */
const GRACE_MS = 2_000
/** Longest pause that publishers are asked for. */
const MAX_PAUSE_MS = 1_000

/** A change of the grant, as publishers get it. */
export interface GrantChange {
  readonly publish: PublishGrant
  /** How long to send nothing; 0 when the grant grew. */
  readonly retryAfterMs: number
}

/**
 * How much each publisher may have unacknowledged: less while appends are slow, so that accepted events are answered in
 * time and the rest waits at its source. Additive in time, multiplicative in size, as congestion windows are.
 */
export class PublishControl {
  #step = 0
  #changedAt = Number.NEGATIVE_INFINITY
  #shrunkAt = Number.NEGATIVE_INFINITY
  #before = grantAt(0)

  get grant(): PublishGrant {
    return grantAt(this.#step)
  }

  /**
   * The limit that publishers must keep: the grant, or the previous larger one while they may not have received the
   * change.
   */
  enforced(now: number): PublishGrant {
    return now - this.#shrunkAt < GRACE_MS ? this.#before : this.grant
  }

  /** Takes the present duration of appends, ms, and returns the change of the grant. To be called often. */
  observe(appendMs: number, now: number): GrantChange | undefined {
    const passed = now - this.#changedAt
    if (appendMs > SLOW_MS && this.#step < STEPS && passed >= SHRINK_EVERY_MS) {
      // While the grant keeps shrinking, frames from before the first step may still be on their way.
      if (now - this.#shrunkAt >= GRACE_MS) this.#before = this.grant
      this.#shrunkAt = now
      this.#moveTo(this.#step + 1, now)
      return { publish: this.grant, retryAfterMs: Math.min(MAX_PAUSE_MS, Math.round(appendMs)) }
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
