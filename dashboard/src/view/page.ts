import type { FeedClient } from '../feeds.ts'
import { deadLetters } from '../gateway.ts'
import type { Monitor } from '../model/monitor.ts'
import type { ConnectionBadge } from './connection-badge.ts'
import { DeploymentView } from './deployment-view.ts'
import type { EntityClient } from './entities-panel.ts'
import { EntitiesView } from './entities-view.ts'
import { LettersView } from './letters-view.ts'
import { Navigation } from './navigation.ts'
import { OverviewView } from './overview-view.ts'
import { type TailClient, TopicsView } from './topics-view.ts'
import { WindowsView } from './windows-view.ts'

/** Numbers are read, not watched: twice a second is plenty, and leaves the main thread to the charts. */
const DRAW_INTERVAL_MS = 500

export type PageClient = EntityClient & FeedClient & TailClient

/** Shows a monitor and keeps showing it, except while nobody looks. */
export function showPage(host: HTMLElement, monitor: Monitor, client: PageClient, badge: ConnectionBadge): void {
  const views = [
    { name: 'overview', title: 'Overview', view: new OverviewView(monitor) },
    { name: 'windows', title: 'Windows', view: new WindowsView(monitor, client) },
    { name: 'topics', title: 'Topics', view: new TopicsView(monitor, client) },
    { name: 'entities', title: 'Entities', view: new EntitiesView(monitor, client) },
    { name: 'dead-letters', title: 'Dead letters', view: new LettersView(deadLetters, monitor.keyStyles) },
    { name: 'deployment', title: 'Deployment', view: new DeploymentView(monitor) },
  ]
  host.replaceChildren(...views.map(({ view }) => view.root))
  const navigation = new Navigation(views)
  document.querySelector('.host')!.after(navigation.root)
  const draw = () => {
    if (document.hidden) return
    badge.draw(monitor.freshness)
    navigation.draw()
  }
  draw()
  setInterval(draw, DRAW_INTERVAL_MS)
  document.addEventListener('visibilitychange', draw)
}
