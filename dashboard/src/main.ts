import { createClient } from '@tidegate/client'
import { follow } from './follow.ts'
import { untilContract } from './gateway.ts'
import { Monitor } from './model/monitor.ts'
import { keepToken, keptToken } from './token.ts'
import { showStatus } from './view/connection-badge.ts'
import { element } from './view/element.ts'
import { showPage } from './view/page.ts'
import { askForToken } from './view/sign-in.ts'

const badge = document.querySelector<HTMLElement>('#badge')!
const page = document.querySelector<HTMLElement>('#page')!
document.querySelector('#host')!.textContent = location.host
const waiting = element('p', { class: 'notice' }, 'Waiting for the gateway …')
page.append(waiting)

async function signIn(isAgain: boolean): Promise<void> {
  keepToken(await askForToken(page, isAgain))
  page.replaceChildren(waiting)
}

showStatus(badge, 'connecting')
const contract = await untilContract(signIn)
const token = keptToken()
const client = createClient({ url: location.origin, ...(token !== undefined && { token }) })
client.onStatus((status) => showStatus(badge, status))
showStatus(badge, client.status.get().state)
const monitor = new Monitor(contract.topics, contract.entities)
showPage(page, monitor, client)
await follow(client, monitor)

// A gateway that comes back may serve another config, or another version of this page.
const known = JSON.stringify(contract)
client.onStatus(async (status) => {
  if (status === 'online' && JSON.stringify(await untilContract(signIn)) !== known) location.reload()
})
