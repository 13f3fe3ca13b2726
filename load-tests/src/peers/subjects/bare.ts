import { processTree } from '../../support/process-tree.ts'
import { startModule, untilReady } from '../../support/processes.ts'
import { packageVersion } from '../place/package-version.ts'
import type { Subject } from '../subject.ts'
import { openJsonPublisher, openJsonSubscriber } from './json-client.ts'

const SERVER = new URL('../servers/bare-server.ts', import.meta.url)

export const bare: Subject = {
  title: 'bare uWebSockets.js',
  ack: { level: 'relayed', words: 'handed to the sockets of those who are connected; stored nowhere' },
  settings: ['the floor: frames are passed on unread by app.publish; a subscriber that is 64 KiB behind misses frames'],
  async start() {
    let server = await untilReady(startModule(SERVER))
    return {
      get port() {
        return server.port
      },
      version: packageVersion('uWebSockets.js'),
      pids: () => processTree(server.pid),
      killBus: () => server.kill(),
      async restoreBus() {
        server = await untilReady(startModule(SERVER))
      },
      stop: () => server.stop(),
    }
  },
  publish: openJsonPublisher,
  subscribe: openJsonSubscriber,
}
