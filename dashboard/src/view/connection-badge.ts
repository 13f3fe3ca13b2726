import type { ConnectionStatus } from '@tidegate/client'
import type { Freshness } from '../model/freshness.ts'
import { setText } from './element.ts'
import { formatTime } from './format.ts'

const LABELS: Readonly<Record<ConnectionStatus, string>> = {
  idle: 'Connecting',
  connecting: 'Connecting',
  online: 'Online',
  offline: 'Offline, reconnecting',
  closed: 'Closed by the server: reload to try again',
}

/** How the page is connected, and since when its values are old. Those are greyed meanwhile. */
export class ConnectionBadge {
  readonly #badge: HTMLElement
  #status: ConnectionStatus = 'connecting'

  constructor(badge: HTMLElement) {
    this.#badge = badge
    this.draw(undefined)
  }

  show(status: ConnectionStatus): void {
    this.#status = status
  }

  draw(freshness: Freshness | undefined): void {
    const stale = freshness?.staleSince(Date.now())
    const isOld = this.#status === 'online' && stale !== undefined
    const label = isOld ? `No news: ${stale.why}` : LABELS[this.#status]
    const text = stale === undefined ? label : `${label} · stale since ${formatTime(stale.since)}`
    this.#badge.dataset.status = isOld ? 'stale' : this.#status
    setText(this.#badge, text)
    document.body.classList.toggle('stale', stale !== undefined)
    const title = this.#status === 'online' && !isOld ? 'Tidegate' : `${label} - Tidegate`
    if (document.title !== title) document.title = title
  }
}
