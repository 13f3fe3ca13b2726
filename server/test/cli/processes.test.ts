import { createClient } from '@tidegate/client/node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type config from '../../src/demo/demo.config.ts'
import { startTestRedis, type TestRedis } from '../support/redis.ts'
import { TidegateProcess } from '../support/tidegate-process.ts'

let redis: TestRedis
beforeAll(async () => {
  redis = await startTestRedis()
})
afterAll(() => redis.close())

const environment = () => ({ REDIS_URL: redis.url })

describe('gateway and worker as processes', () => {
  test('gateway - tells its parent the port it got, serves there, and stops in order on SIGTERM', async () => {
    const gateway = new TidegateProcess(['gateway', '--port', '0'], environment())
    const { port } = await gateway.ready()
    expect((await fetch(`http://127.0.0.1:${port}/livez`)).status).toBe(200)
    expect(await gateway.stop('SIGTERM')).toEqual({ code: 0, signal: null })
  })

  test('gateways - share a port when told to', async () => {
    const first = new TidegateProcess(['gateway', '--port', '0', '--shared-port'], environment())
    const { port } = await first.ready()
    const second = new TidegateProcess(['gateway', '--port', `${port}`, '--shared-port'], environment())
    expect(await second.ready()).toMatchObject({ port })
    const third = new TidegateProcess(['gateway', '--port', `${port}`], environment())
    expect(await third.ended).toMatchObject({ code: 1 })
    expect(third.output).toContain('the port is taken')
    await Promise.all([first.stop(), second.stop()])
  })

  test('worker - tells its parent that it is ready, and stops in order on SIGINT', async () => {
    const worker = new TidegateProcess(['worker'], environment())
    const { metricsPort } = await worker.ready()
    expect((await fetch(`http://127.0.0.1:${metricsPort}/livez`)).status).toBe(200)
    expect(await worker.stop('SIGINT')).toEqual({ code: 0, signal: null })
  })

  test.each(['gateway --port 0', 'worker'])('S-CHILD-4 %s - ends at once when its parent is gone', async (command) => {
    const child = new TidegateProcess(command.split(' '), environment())
    await child.ready()
    child.child.disconnect()
    expect(await child.ended).toEqual({ code: 1, signal: null })
  })

  test('demo - publishes to the gateway it is given', async () => {
    const gateway = new TidegateProcess(['gateway', '--port', '0'], environment())
    const url = `http://127.0.0.1:${(await gateway.ready()).port}`
    const demo = new TidegateProcess(['demo', '--url', url, '--seed', '7'], environment())
    await demo.ready()
    const client = createClient<typeof config>({ url })
    await new Promise((resolve) => client.subscribe('sensor.reading', {}, resolve))
    await client.close({ deadlineMs: 1_000 })
    expect(await demo.stop()).toEqual({ code: 0, signal: null })
    await gateway.stop()
  })
})
