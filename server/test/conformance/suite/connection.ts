import { describe, expect, test } from 'vitest'
import { type Harness, newKey } from '../harness.ts'

export function connectionTests(harness: Harness): void {
  describe('connection', () => {
    test('C-FAKE-1 welcome - says protocol, time, grant, limits and the name of a new sequence', async () => {
      const client = harness.open()
      const welcome = await client.hello({ producer: newKey(), sequence: 'new' })
      expect(welcome).toMatchObject({
        ...{ protocol: 1, session: expect.any(String), node: expect.any(String), contract: expect.any(String) },
        publish: { frames: 64, bytes: 1_048_576 },
        limits: { frameBytes: 1_048_576, frameEvents: 1_000 },
        pingMs: 15_000,
        sequence: expect.stringMatching(/^\d+$/),
      })
      expect(Math.abs(welcome.time - Date.now())).toBeLessThan(5_000)
      client.close()
    })

    test('C-FAKE-1 welcome - names no sequence that nobody has asked for', async () => {
      const client = harness.open()
      expect(await client.hello()).not.toHaveProperty('sequence')
      client.close()
    })

    test.each([
      ['another version', '{"type":"hello","protocol":9,"client":"c"}', 'version_unsupported', 4_502],
      ['another frame first', '{"type":"pong","time":1}', 'hello_expected', 4_501],
      ['a hello without a version', '{"type":"hello","client":"c"}', 'hello_expected', 4_501],
      ['no JSON', '{', 'protocol_error', 4_500],
      ['no frame', '[]', 'protocol_error', 4_500],
    ])('C-FAKE-1 hello - %s ends the connection', async (_, text, code, closeCode) => {
      const client = harness.open()
      await client.sendText(text)
      expect(await client.next('error')).toMatchObject({ code, retryable: false })
      expect((await client.closed).code).toBe(closeCode)
    })

    test('C-FAKE-1 frames - a second hello and a frame that names nothing end it, an unknown type does not', async () => {
      const twice = await harness.connect()
      await twice.sendText('{"type":"later","id":7}')
      expect(await twice.next('error')).toMatchObject({ code: 'unknown_type', id: 7, retryable: false })
      await twice.send({ type: 'hello', protocol: 1, client: 'c' })
      expect((await twice.closed).code).toBe(4_500)
      const nameless = await harness.connect()
      await nameless.sendText('{"type":"subscribe","topic":"sensor.reading"}')
      expect(await nameless.next('error')).toMatchObject({ code: 'invalid_frame' })
      expect((await nameless.closed).code).toBe(4_500)
    })
  })
}
