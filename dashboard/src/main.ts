import { createClient } from '@tidegate/client'
import { follow } from './follow.ts'
import { untilTopics } from './gateway.ts'
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

const list = await untilTopics()
const monitor = new Monitor(list.topics)
showPage(page, monitor)
await follow(client, monitor)

// A gateway that comes back may serve another config, or another version of this page.
const known = JSON.stringify(list)
client.onStatus(async (status) => {
  if (status === 'online' && JSON.stringify(await untilTopics()) !== known) location.reload()
})
