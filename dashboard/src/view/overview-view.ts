import type { Monitor } from '../model/monitor.ts'
import { element } from './element.ts'
import { FindingsPanel } from './findings-panel.ts'
import { GapsPanel } from './gaps-panel.ts'
import { PublishHint } from './publish-hint.ts'
import { Summary } from './summary.ts'
import { TopicsPanel } from './topics-panel.ts'
import { UrgentPanel } from './urgent-panel.ts'
import type { View } from './view.ts'
import { WithheldNotice } from './withheld-notice.ts'

/** Whether all is well, and what flows. */
export class OverviewView implements View {
  readonly root: HTMLElement
  readonly #parts: readonly { draw(): void }[]

  constructor(monitor: Monitor) {
    const [hint, withheld, findings] = [
      new PublishHint(monitor, location.origin),
      new WithheldNotice(monitor),
      new FindingsPanel(monitor),
    ]
    const [summary, topics] = [new Summary(monitor), new TopicsPanel(monitor)]
    const [urgent, gaps] = [new UrgentPanel(monitor), new GapsPanel(monitor)]
    this.#parts = [hint, withheld, findings, summary, topics, urgent, gaps]
    this.root = element(
      'div',
      { class: 'view', id: 'overview' },
      ...[hint, withheld, findings, summary].map(({ root }) => root),
      element('div', { class: 'columns' }, topics.root, element('div', { class: 'details' }, urgent.root, gaps.root)),
    )
  }

  show(): void {}

  hide(): void {}

  draw(): void {
    for (const part of this.#parts) part.draw()
  }
}
