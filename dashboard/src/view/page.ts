import type { Monitor } from '../model/monitor.ts'
import { element } from './element.ts'
import { EntitiesPanel, type EntityClient } from './entities-panel.ts'
import { GapsPanel } from './gaps-panel.ts'
import { PublishHint } from './publish-hint.ts'
import { Summary } from './summary.ts'
import { TopicsPanel } from './topics-panel.ts'
import { UrgentPanel } from './urgent-panel.ts'
import { WindowCard } from './window-card.ts'

/** Numbers are read, not watched: twice a second is plenty, and leaves the main thread to the charts. */
const DRAW_INTERVAL_MS = 500

interface Part {
  readonly root: HTMLElement
  /** @param nowMs of the page's monotonic clock */
  draw(nowMs: number): void
}

/** Shows a monitor and keeps showing it, except while nobody looks. */
export function showPage(host: HTMLElement, monitor: Monitor, client: EntityClient): void {
  const hint = new PublishHint(monitor, location.origin)
  const summary = new Summary(monitor)
  const cards = monitor.windows.map((topic) => new WindowCard(topic, monitor.series(topic.name)))
  const urgent = new UrgentPanel(monitor)
  const entities = new EntitiesPanel(monitor, client)
  const details = [new TopicsPanel(monitor), new GapsPanel(monitor)]
  const parts: readonly Part[] = [hint, summary, urgent, ...cards, entities, ...details]

  host.replaceChildren(
    hint.root,
    summary.root,
    element(
      'div',
      { class: 'columns' },
      element('div', { class: 'urgent' }, urgent.root),
      element(
        'div',
        { class: 'main' },
        element('section', { class: 'windows', 'aria-label': 'Windows' }, ...windowCards(cards)),
        entities.root,
      ),
      element('div', { class: 'details' }, ...details.map(({ root }) => root)),
    ),
  )
  const draw = () => {
    if (document.hidden) return
    const now = performance.now()
    for (const part of parts) part.draw(now)
  }
  draw()
  setInterval(draw, DRAW_INTERVAL_MS)
  document.addEventListener('visibilitychange', draw)
}

function windowCards(cards: readonly WindowCard[]): HTMLElement[] {
  if (cards.length > 0) return cards.map(({ root }) => root)
  const text = 'This config has no windows. Declare one with topic.window(...) and its results are drawn here.'
  return [element('article', { class: 'panel' }, element('p', { class: 'empty' }, text))]
}
