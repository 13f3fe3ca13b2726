import { createClient } from '@tidegate/client'
import { followUrgent } from './feeds.ts'
import { untilContract } from './gateway.ts'
import { Monitor } from './model/monitor.ts'
import { watchOperations } from './operations.ts'
import { keepToken, keptToken } from './token.ts'
import { ConnectionBadge } from './view/connection-badge.ts'
import { element } from './view/element.ts'
import { showPage } from './view/page.ts'
import { askForToken } from './view/sign-in.ts'

const badge = new ConnectionBadge(document.querySelector<HTMLElement>('#badge')!)
const page = document.querySelector<HTMLElement>('#page')!
document.querySelector('#host')!.textContent = location.host
const waiting = element('p', { class: 'notice' }, 'Waiting for the gateway …')
page.append(waiting)

async function signIn(isAgain: boolean): Promise<void> {
  keepToken(await askForToken(page, isAgain))
  page.replaceChildren(waiting)
}

const contract = await untilContract(signIn)
const token = keptToken()
const client = createClient({ url: location.origin, ...(token !== undefined && { token }) })
const monitor = new Monitor(contract.topics, contract.entities)
const known = JSON.stringify(contract)
let wasOnline = false
client.onStatus(async (status) => {
  badge.show(client.status.get())
  if (wasOnline) monitor.freshness.connected(status === 'online', Date.now())
  badge.draw(monitor.freshness)
  if (status !== 'online') return
  // A gateway that comes back may serve another config, or another version of this page.
  if (wasOnline && JSON.stringify(await untilContract(signIn)) !== known) location.reload()
  wasOnline = true
})
badge.show(client.status.get())
followUrgent(client, monitor)
showPage(page, monitor, client, badge)
await watchOperations(monitor)
