import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { claimPort } from '../../../../server/src/claim-port.ts'
import { processTree } from '../../support/process-tree.ts'
import { encodeFrame, RawWebSocket } from '../../support/raw-websocket.ts'
import type { RedisProcess } from '../../support/redis-process.ts'
import { Pending } from '../load/pending.ts'
import { type FoundProgram, findProgram } from '../place/find-program.ts'
import { REDIS_SETTINGS, startPeerRedis } from '../place/peer-redis.ts'
import { Program, versionOf } from '../place/program.ts'
import type { Reader, Subject, Subscriber } from '../subject.ts'

const HOST = '127.0.0.1'
const MODULE = 'usr/lib/nginx/modules/ngx_nchan_module.so'
const KEPT_EVENTS = 50_000

export const nchan: Subject = {
  title: 'Nchan',
  ack: {
    level: 'disk within a second',
    words: 'in Redis and its append-only file, on the disk within a second; sent again it is stored twice',
  },
  settings: [
    REDIS_SETTINGS,
    `nchan_redis_pass (distributed), nchan_message_buffer_length ${KEPT_EVENTS}, worker_processes auto`,
    'publishers and subscribers use its WebSocket locations, and 100 events are 100 messages: it has no batches',
  ],
  async start() {
    const found = await findProgram('nginx', ['nginx', 'libnginx-mod-nchan'], () => existsSync(`/${MODULE}`))
    const redis = await startPeerRedis()
    const folder = await mkdtemp(join(tmpdir(), 'tidegate-peers-nchan-'))
    const port = await claimPort(HOST, 0)
    const config = join(folder, 'nginx.conf')
    await writeFile(config, configOf(found, folder, port, redis))
    const program = await startNginx(found, ['-c', config, '-p', folder, '-e', 'stderr'], port)
    return {
      port,
      version: `nginx ${await versionOf(found, '-v')}`,
      pids: async () => [...(await processTree(program.pid)), redis.pid],
      killBus: () => redis.end('SIGKILL'),
      restoreBus: () => redis.start(),
      async stop() {
        await program.stop()
        await redis.close()
        await rm(folder, { recursive: true, force: true })
      },
    }
  },
  async publish(port) {
    const pending = new Pending<number>()
    let calls = 0
    const socket = new RawWebSocket(
      port,
      // It answers in order, and does not say what.
      (payload) => {
        const text = payload.toString('latin1')
        pending.settleNext(text.startsWith('queued messages') ? undefined : new Error(text))
      },
      () => pending.failAll(new Error('nginx ended the connection')),
      { path: '/publish', subprotocol: '' },
    )
    await socket.open()
    return {
      async publish(events) {
        const answers = events.map(({ data }) => {
          socket.writeTogether(encodeFrame(Buffer.from(data)).frame)
          return pending.add(calls++)
        })
        await Promise.all(answers)
      },
      get hasEnded() {
        return socket.isClosed
      },
      close: () => socket.close(),
    }
  },
  subscribe: (port, reader) => openSubscriber(port, reader, '/subscribe'),
  leave: async (port) => (reader) => openSubscriber(port, reader, '/read'),
}

/**
 * Nchan needs a folder that is compiled into nginx, and that packages which are only unpacked do not have. The program gets
 * a `/var/lib` of its own with it, and a user of its own, since it would change to another one as root.
 */
const OWN_FOLDERS = 'mount -t tmpfs none /var/lib && mkdir /var/lib/nginx && exec unshare --map-user=1000 "$@"'

function startNginx(found: FoundProgram, args: readonly string[], port: number): Promise<Program> {
  if (found.root === '/') return Program.start(found, args, port)
  const unshare = ['--map-root-user', '--mount', 'sh', '-c', OWN_FOLDERS, 'sh', found.command]
  return Program.start({ ...found, command: 'unshare' }, [...unshare, ...args], port)
}

function configOf({ root }: FoundProgram, folder: string, port: number, redis: RedisProcess): string {
  return `load_module ${join(root, MODULE)};
daemon off;
worker_processes auto;
pid ${folder}/nginx.pid;
error_log stderr error;
events { worker_connections 8192; }
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  upstream store { nchan_redis_server redis://${HOST}:${redis.target}; }
  nchan_message_buffer_length ${KEPT_EVENTS};
  nchan_max_reserved_memory 512M;
  server {
    listen ${HOST}:${port};
    nchan_redis_pass store;
    location = /publish { nchan_publisher; nchan_channel_id events; }
    location = /subscribe { nchan_subscriber websocket; nchan_channel_id events; nchan_subscriber_first_message newest; }
    location = /read { nchan_subscriber websocket; nchan_channel_id events; nchan_subscriber_first_message oldest; }
  }
}
`
}

async function openSubscriber(port: number, reader: Reader, path: string): Promise<Subscriber> {
  const socket = new RawWebSocket(
    port,
    (payload) => reader.receive(payload),
    () => reader.end?.(),
    { path, subprotocol: '' },
  )
  await socket.open()
  return socket
}
