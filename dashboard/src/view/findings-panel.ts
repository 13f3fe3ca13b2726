import type { Monitor } from '../model/monitor.ts'
import { element } from './element.ts'

/** What does not work, and what to do about it. */
export class FindingsPanel {
  readonly root = element('ul', {
    class: 'findings',
    id: 'findings',
    role: 'status',
    'aria-label': 'What does not work',
  })
  readonly #monitor: Monitor
  #drawn = ''

  constructor(monitor: Monitor) {
    this.#monitor = monitor
  }

  draw(): void {
    const { operations } = this.#monitor
    const findings = operations.kind === 'shown' ? operations.status.findings : []
    const drawn = JSON.stringify(findings)
    if (drawn === this.#drawn) return
    this.#drawn = drawn
    this.root.replaceChildren(
      ...findings.map(({ severity, what, todo }) =>
        element('li', { 'data-severity': severity }, element('b', {}, what), ` ${todo}`),
      ),
    )
  }
}
