import type { Monitor } from '../model/monitor.ts'
import type { StatusAnswer } from '../model/status.ts'
import { DataTable } from './data-table.ts'
import { DeadLettersPanel } from './dead-letters-panel.ts'
import { SECTIONS, type Section } from './deployment-sections.ts'
import { element, setText } from './element.ts'
import { FindingsPanel } from './findings-panel.ts'
import { formatBytes } from './format.ts'
import type { View } from './view.ts'
import { WithheldNotice } from './withheld-notice.ts'

/** Processes, partitions, slow clients and dead letters, for operators. */
export class DeploymentView implements View {
  readonly root: HTMLElement
  readonly #monitor: Monitor
  readonly #withheld: WithheldNotice
  readonly #findings: FindingsPanel
  readonly #panels: readonly { readonly root: HTMLElement; draw(status: StatusAnswer): void }[]
  readonly #deadLetters: DeadLettersPanel
  readonly #redis = element('p', { class: 'caption live' })
  readonly #body: HTMLElement

  constructor(monitor: Monitor) {
    this.#monitor = monitor
    this.#withheld = new WithheldNotice(monitor)
    this.#findings = new FindingsPanel(monitor)
    this.#panels = SECTIONS.map((section) => new SectionPanel(section))
    this.#deadLetters = new DeadLettersPanel(monitor)
    const panels = [...this.#panels, this.#deadLetters].map(({ root }) => root)
    this.#body = element('div', { class: 'stack', hidden: '' }, this.#redis, ...panels)
    this.root = element(
      'div',
      { class: 'view', id: 'deployment' },
      this.#withheld.root,
      this.#findings.root,
      this.#body,
    )
  }

  show(): void {}

  hide(): void {}

  draw(): void {
    const { operations } = this.#monitor
    this.#withheld.draw()
    this.#findings.draw()
    this.#body.hidden = operations.kind !== 'shown'
    if (operations.kind !== 'shown') return
    for (const panel of this.#panels) panel.draw(operations.status)
    this.#deadLetters.draw()
    setText(this.#redis, redisText(operations.status.redis))
  }
}

class SectionPanel {
  readonly root: HTMLElement
  readonly #section: Section
  readonly #table: DataTable
  readonly #none: HTMLElement

  constructor(section: Section) {
    this.#section = section
    this.#table = new DataTable(section.title, section.columns)
    this.#none = element('p', { class: 'empty' }, section.none)
    this.root = element(
      'section',
      { class: 'panel live', 'data-section': section.title },
      element('h2', {}, section.title),
      this.#none,
      this.#table.root,
    )
  }

  draw(status: StatusAnswer): void {
    const rows = this.#section.rows(status)
    this.#none.hidden = rows.length > 0
    this.#table.root.hidden = rows.length === 0
    this.#table.draw(rows)
  }
}

function redisText(redis: StatusAnswer['redis']): string {
  if (redis === null) return 'The gateway may not read the memory of Redis.'
  const { usedBytes, maxBytes } = redis
  const limit = maxBytes === 0 ? ', without a limit' : ` of ${formatBytes(maxBytes)}`
  return `Redis uses ${formatBytes(usedBytes)}${limit}.`
}
