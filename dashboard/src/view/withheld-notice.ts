import type { Monitor } from '../model/monitor.ts'
import { element, setText } from './element.ts'

const TEXTS = {
  right:
    'Processes, latency, lag and slow clients are shown to operators: callers with the right admin or, where nobody is asked who it is, those at the machine of the gateway.',
  elsewhere:
    'Processes, latency, lag and slow clients are not shown here: this gateway answers operators at an address of its own (TIDEGATE_ADMIN_PORT).',
}

/** Says what this caller may not see, and why. */
export class WithheldNotice {
  readonly root = element('p', { class: 'notice withheld', hidden: '' })
  readonly #monitor: Monitor

  constructor(monitor: Monitor) {
    this.#monitor = monitor
  }

  draw(): void {
    const { operations } = this.#monitor
    this.root.hidden = operations.kind !== 'withheld'
    if (operations.kind === 'withheld') setText(this.root, TEXTS[operations.why])
  }
}
