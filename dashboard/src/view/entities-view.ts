import { type FeedClient, followChanges, type Stop } from '../feeds.ts'
import type { Monitor } from '../model/monitor.ts'
import { EntitiesPanel, type EntityClient } from './entities-panel.ts'
import type { View } from './view.ts'

/** Entities, with the keys that change while somebody looks. */
export class EntitiesView implements View {
  readonly root: HTMLElement
  readonly #panel: EntitiesPanel
  readonly #monitor: Monitor
  readonly #client: FeedClient
  #stops: readonly Stop[] = []

  constructor(monitor: Monitor, client: EntityClient & FeedClient) {
    this.#monitor = monitor
    this.#client = client
    this.#panel = new EntitiesPanel(monitor, client)
    this.root = this.#panel.root
    this.root.classList.add('view')
  }

  show([name = '', key = '']: readonly string[]): void {
    if (this.#stops.length === 0)
      this.#stops = this.#monitor.entities.map((entity) => followChanges(this.#client, this.#monitor, entity.name))
    this.#panel.openLinked(name, key)
  }

  hide(): void {
    for (const stop of this.#stops) stop()
    this.#stops = []
    this.#panel.close()
  }

  draw(): void {
    this.#panel.draw()
  }
}
