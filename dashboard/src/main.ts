import { createClient } from '@tidegate/client'
import { follow } from './follow.ts'
import { untilContract } from './gateway.ts'
import { Monitor } from './model/monitor.ts'
import { showStatus } from './view/connection-badge.ts'
import { element } from './view/element.ts'
import { showPage } from './view/page.ts'

const badge = document.querySelector<HTMLElement>('#badge')!
const page = document.querySelector<HTMLElement>('#page')!
document.querySelector('#host')!.textContent = location.host
page.append(element('p', { class: 'notice' }, 'Waiting for the gateway …'))

const client = createClient({ url: location.origin })
client.onStatus((status) => showStatus(badge, status))
showStatus(badge, client.status)

const contract = await untilContract()
const monitor = new Monitor(contract.topics, contract.entities)
showPage(page, monitor, client)
await follow(client, monitor)

// A gateway that comes back may serve another config, or another version of this page.
const known = JSON.stringify(contract)
client.onStatus(async (status) => {
  if (status === 'online' && JSON.stringify(await untilContract()) !== known) location.reload()
})
