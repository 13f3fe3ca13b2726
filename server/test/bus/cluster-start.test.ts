import { afterEach, describe, expect, it } from 'vitest'
import { RIGHTS } from '../../src/bus/redis/rights.ts'
import { openTestBus } from '../support/bus.ts'
import { useAuthorities } from '../support/certificates.ts'
import { command, freePort, startTestRedis } from '../support/redis.ts'

const ca = useAuthorities()('authority')

/** Undone after each test, last first. */
const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

const busPort = (port: number) => ['--cluster-port', `${port}`]

describe('a start on a cluster', () => {
  const refused = (url: string) =>
    openTestBus(url, 2, { waitMs: 300 }).then(
      () => expect.unreachable(),
      (error: Error) => error.message,
    )

  it('B-CLUSTER-7 says why it cannot be used', async () => {
    const [plain, fresh] = await Promise.all([
      startTestRedis(),
      startTestRedis(['--cluster-enabled', 'yes', ...busPort(await freePort())]),
    ])
    cleanups.push(() => Promise.all([plain.close(), fresh.close()]))
    const at = (port: number, login = '') => `redis+cluster://${login}127.0.0.1:${port}`
    expect(await refused(at(1))).toMatch(/no node of the cluster answers: nothing listens at that address/)
    expect(await refused(at(plain.port))).toMatch(/as a node of a cluster is none/)
    expect(await refused(at(fresh.port))).toMatch(/a part of the slots of the cluster is served by no node/)
    const login = await refused(at(fresh.port, 'x:hunter2@'))
    expect(login).toMatch(/the cluster refuses the user or password of REDIS_URL/)
    expect(login).not.toContain('hunter2')
    await command(fresh.url, 'ACL', 'SETUSER', 'poor', 'on', '>p', '+hello', '+client|setname')
    expect(await refused(at(fresh.port, 'poor:p@'))).toMatch(/may not run what docs\/cluster.md says/)
  })

  it('B-CLUSTER-8 over TLS, as a user, at an address that is another one from outside', async () => {
    const { cert, key } = ca.issue('redis')
    const tlsPort = await freePort()
    const options = {
      ...{ 'tls-port': `${tlsPort}`, 'tls-cert-file': cert, 'tls-key-file': key, 'tls-ca-cert-file': ca.cert },
      ...{
        'tls-auth-clients': 'no',
        'tls-cluster': 'yes',
        'cluster-enabled': 'yes',
        'cluster-announce-ip': '10.255.0.1',
      },
    }
    const node = await startTestRedis([
      ...Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]),
      ...busPort(await freePort()),
    ])
    cleanups.push(() => node.close())
    await command(node.url, 'CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
    const rights = [...RIGHTS.worker.map((right) => `+${right}`), '+cluster|slots', '+cluster|nodes', '+config|get']
    await command(node.url, 'ACL', 'SETUSER', 'tidegate', 'on', '>p', '-@all', '~tg:*', '~{tg:*', ...rights)
    const nat = `nat=10.255.0.1:${tlsPort}=127.0.0.1:${tlsPort}`
    const url = `rediss+cluster://tidegate:p@127.0.0.1:${tlsPort}?ca=${ca.cert}&${nat}`
    await expect.poll(() => openTestBus(url, 2, { waitMs: 500 }).then((bus) => bus.close())).toBeUndefined()
    const bus = await openTestBus(url, 2)
    cleanups.push(() => bus.close())
    const log = bus.log(0, 'append')
    await log.settle(await log.lineage(), [])
    expect(await log.canary('')).toMatchObject({ status: 'ok' })
    expect(bus.breakers[0]!.node).toBe(`10.255.0.1:${tlsPort}`)
  })
})
