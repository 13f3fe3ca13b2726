import type { ClientStatus, ConnectionStatus } from '@tidegate/client'
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
const SIGNED_OUT = 'Signed out, as your token is not taken any more: reload to sign in'

/** How the page is connected, and since when its values are old. Those are greyed meanwhile. */
export class ConnectionBadge {
  readonly #badge: HTMLElement
  #status: ConnectionStatus = 'connecting'
  #isSignedOut = false

  constructor(badge: HTMLElement) {
    this.#badge = badge
    this.draw(undefined)
  }

  show({ state, lastError }: Pick<ClientStatus, 'state' | 'lastError'>): void {
    this.#status = state
    this.#isSignedOut = state === 'closed' && lastError?.code === 'unauthorized'
  }

  draw(freshness: Freshness | undefined): void {
    const stale = freshness?.staleSince(Date.now())
    const isOld = this.#status === 'online' && stale !== undefined
    const ofStatus = this.#isSignedOut ? SIGNED_OUT : LABELS[this.#status]
    const label = isOld ? `No news: ${stale.why}` : ofStatus
    const text = stale === undefined ? label : `${label} · stale since ${formatTime(stale.since)}`
    this.#badge.dataset.status = isOld ? 'stale' : this.#status
    setText(this.#badge, text)
    document.body.classList.toggle('stale', stale !== undefined)
    const title = this.#status === 'online' && !isOld ? 'Tidegate' : `${label} - Tidegate`
    if (document.title !== title) document.title = title
  }
}
