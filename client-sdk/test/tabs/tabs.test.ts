import { afterEach, describe, expect, test } from 'vitest'
import { readingOf } from '../../../server/test/support/contract.ts'
import { useGateway } from '../../../server/test/support/use-gateway.ts'
import { createClient } from '../../src/node.ts'
import { PageLocks } from '../support/page-locks.ts'
import { type Browser, LOOK_MS, Tab } from '../support/tab.ts'

const TOPIC = 'sensor.reading'
const server = await useGateway()
const log = createClient({ url: server.url })

let tests = 0
let browser: Browser
let tabs: Seen[] = []
afterEach(() => {
  for (const { tab } of tabs) tab.kill()
  tabs = []
})

/** A tab, and the ids that its subscription was given, in order. */
interface Seen {
  readonly tab: Tab
  readonly ids: string[]
  gaps: number
}

function begin(): void {
  browser = { url: server.url, group: `test-${process.pid}-${++tests}`, locks: new PageLocks(), sockets: [] }
}

async function open(from: 'now' | 'earliest' = 'now'): Promise<Seen> {
  const seen: Seen = { tab: new Tab(browser), ids: [], gaps: 0 }
  tabs.push(seen)
  const subscription = seen.tab.client.subscribe(TOPIC, { from }, ({ id }) => seen.ids.push(id))
  subscription.onGap(() => seen.gaps++)
  await subscription.ready
  return seen
}

const publish = ({ tab }: Seen, id: string) => tab.client.publish(TOPIC, { id, ...readingOf('s-1') })
const openSockets = () => browser.sockets.filter(({ socket }) => socket.readyState === 1)
const leader = () => tabs.find(({ tab }) => tab.leads)!

/** How often each id with a prefix is in the log. */
async function stored(prefix: string): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for await (const { id } of log.history(TOPIC)) if (id.startsWith(prefix)) counts[id] = (counts[id] ?? 0) + 1
  return counts
}

describe('tabs that share a connection', () => {
  test('C-TABS-1 three tabs have one connection; each publishes, and gets everything once', async () => {
    begin()
    await Promise.all([open(), open(), open()])
    expect(browser.sockets).toHaveLength(1)
    const ids = ['a1', 'b1', 'c1', 'a2', 'b2', 'c2']
    await Promise.all(ids.map((id, n) => publish(tabs[n % 3]!, id)))
    for (const seen of tabs) await expect.poll(() => [...seen.ids].sort()).toEqual([...ids].sort())
    expect(browser.sockets).toHaveLength(1)
    expect(openSockets()).toHaveLength(1)
    await Promise.all(tabs.map(({ tab }) => tab.close()))
    await expect.poll(openSockets).toEqual([])
  })

  test.each(['closed', 'killed', 'cut'] as const)(
    'C-TABS-2 the tab that leads is %s: another one leads, nothing is lost or doubled',
    async (how) => {
      begin()
      await Promise.all([open(), open(), open()])
      const ids = Array.from({ length: 30 }, (_, n) => `${how}-${n}`)
      const first = leader()
      const others = tabs.filter((one) => one !== first)
      const published: Promise<unknown>[] = []
      for (const [n, id] of ids.entries()) {
        published.push(publish(others[n % 2]!, id))
        if (n === 10) {
          if (how === 'closed') await first.tab.close()
          else if (how === 'killed') first.tab.kill()
          else for (const { socket } of openSockets()) socket.terminate()
        }
        await new Promise((resolve) => setImmediate(resolve))
      }
      await Promise.all(published)
      for (const seen of others) await expect.poll(() => [...seen.ids].sort()).toEqual([...ids].sort())
      expect(await stored(`${how}-`)).toEqual(Object.fromEntries(ids.map((id) => [id, 1])))
      expect(others.map(({ gaps }) => gaps)).toEqual([0, 0])
      expect(openSockets()).toHaveLength(1)
      if (how !== 'cut') expect(others.filter(({ tab }) => tab.leads)).toHaveLength(1)
    },
  )

  test('C-TABS-3 a tab that leads and hangs is stepped over, and does no harm when it wakes', async () => {
    begin()
    await Promise.all([open(), open(), open()])
    const first = leader()
    const others = tabs.filter((one) => one !== first)
    first.tab.freeze()
    const ids = ['f-1', 'f-2', 'f-3', 'f-4']
    await Promise.all(ids.map((id, n) => publish(others[n % 2]!, id)))
    for (const seen of others) await expect.poll(() => [...seen.ids].sort()).toEqual(ids)
    await expect.poll(() => others.filter(({ tab }) => tab.leads).length).toBe(1)
    // One that comes while the leader hangs finds the other.
    const late = await open('earliest')
    first.tab.thaw()
    await publish(first, 'f-5')
    for (const seen of [first, ...others]) await expect.poll(() => [...seen.ids].sort()).toEqual([...ids, 'f-5'])
    await expect.poll(() => late.ids.filter((id) => id.startsWith('f-')).length).toBe(5)
    expect(await stored('f-')).toEqual({ 'f-1': 1, 'f-2': 1, 'f-3': 1, 'f-4': 1, 'f-5': 1 })
    await expect.poll(() => openSockets().length).toBe(1)
  })

  test('C-TABS-3 a tab that comes while the leader hangs steps over it', async () => {
    begin()
    await open()
    const first = leader()
    first.tab.freeze()
    const second = await open()
    await publish(second, 'g-1')
    await expect.poll(() => second.ids).toEqual(['g-1'])
    expect(second.tab.leads).toBe(true)
  })

  test('C-TABS-4 the client of a tab that is gone is closed; a leader without a client stays while it carries others', async () => {
    begin()
    await Promise.all([open(), open(), open()])
    const first = leader()
    const [second, third] = tabs.filter((one) => one !== first)
    const before = await sessions()
    second!.tab.kill()
    await expect.poll(sessions).toBe(before - 1)
    await first.tab.client.close()
    // Longer than a tab without a client stays.
    await new Promise((resolve) => setTimeout(resolve, 12 * LOOK_MS))
    await publish(third!, 'h-1')
    await expect.poll(() => third!.ids).toEqual(['h-1'])
    expect([first.tab.leads, browser.sockets.length]).toEqual([true, 1])
    await third!.tab.client.close()
    await expect.poll(openSockets).toEqual([])
  })
})

async function sessions(): Promise<number> {
  const text = await (await fetch(`${server.url}/metrics`)).text()
  return Number(/^tidegate_connections\{kind="websocket"\} (\d+)/m.exec(text)?.[1])
}
