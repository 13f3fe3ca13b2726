import { type FeedClient, followWindow, type Stop } from '../feeds.ts'
import type { Monitor } from '../model/monitor.ts'
import { element } from './element.ts'
import type { View } from './view.ts'
import { WindowCard } from './window-card.ts'

/** The results of all windows, as charts. They are subscribed to while somebody looks. */
export class WindowsView implements View {
  readonly root: HTMLElement
  readonly #monitor: Monitor
  readonly #client: FeedClient
  readonly #cards: readonly WindowCard[]
  #stops: readonly Stop[] = []
  #frame: number | undefined

  constructor(monitor: Monitor, client: FeedClient) {
    this.#monitor = monitor
    this.#client = client
    this.#cards = monitor.windows.map((topic) => new WindowCard(topic, monitor))
    this.root = element(
      'section',
      { class: 'view windows', id: 'windows', 'aria-label': 'Windows' },
      ...this.#articles(),
    )
  }

  show(): void {
    if (this.#stops.length > 0) return
    this.#stops = this.#monitor.windows.map((topic) => followWindow(this.#client, this.#monitor, topic))
  }

  hide(): void {
    for (const stop of this.#stops) stop()
    this.#stops = []
  }

  draw(): void {
    for (const card of this.#cards) card.drawProgress()
    this.#frame ??= requestAnimationFrame(this.#drawNext)
  }

  /** One chart a frame: all in one would take longer than a frame lasts. */
  readonly #drawNext = (): void => {
    this.#frame = undefined
    const due = this.#cards.find((card) => card.isDue)
    if (due === undefined) return
    due.draw()
    this.#frame = requestAnimationFrame(this.#drawNext)
  }

  #articles(): HTMLElement[] {
    if (this.#cards.length > 0) return this.#cards.map(({ root }) => root)
    const text = 'This config has no windows. Declare one with topic.window(...) and its results are drawn here.'
    return [element('article', { class: 'panel' }, element('p', { class: 'empty' }, text))]
  }
}
