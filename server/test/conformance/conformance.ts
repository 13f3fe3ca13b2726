import { describe, expect, test } from 'vitest'
import { Harness } from './harness.ts'
import type { Subject } from './subject.ts'
import { connectionTests } from './suite/connection.ts'
import { entitiesTests } from './suite/entities.ts'
import { gapsTests } from './suite/gaps.ts'
import { publishingTests } from './suite/publishing.ts'
import { queriesTests } from './suite/queries.ts'
import { subscriptionsTests } from './suite/subscriptions.ts'

/** Behaviour of whatever speaks the protocol from the server's side. */
export function conformanceTests(name: string, start: () => Promise<Subject>): void {
  describe(`conformance of ${name}`, async () => {
    const harness = new Harness(await start())
    connectionTests(harness)
    publishingTests(harness)
    subscriptionsTests(harness)
    gapsTests(harness)
    queriesTests(harness)
    entitiesTests(harness)

    // Last: a gateway is gone then.
    test('C-FAKE-1 drain - is announced, and then closes the connection', async () => {
      const client = await harness.connect()
      const drained = harness.subject.drain()
      expect(await client.next('drain')).toMatchObject({ reason: expect.any(String), deadlineMs: 50 })
      expect((await client.closed).code).toBe(4_001)
      await drained
    })
  })
}
