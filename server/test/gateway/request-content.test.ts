import { describe, expect, it } from 'vitest'
import { readingOf } from '../support/contract.ts'
import { rawExchange } from '../support/raw-http.ts'
import { useGateway } from '../support/use-gateway.ts'

const server = await useGateway()

async function post(body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) {
  const response = await fetch(`${server.url}/v1/events`, {
    method: 'POST',
    body: typeof body === 'string' ? new TextEncoder().encode(body) : body,
    headers,
  })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

const event = (sensorId: string) => JSON.stringify({ topic: 'sensor.reading', ...readingOf(sensorId) })
const latin1 = (text: string) => new Uint8Array(Buffer.from(text, 'latin1'))

async function keys(): Promise<string[]> {
  const pages = await Promise.all(
    [0, 1, 2, 3].map((p) => fetch(`${server.url}/v1/history?topic=sensor.reading&partition=${p}&limit=1000`)),
  )
  const events = await Promise.all(pages.map(async (page) => ((await page.json()) as { events: never[] }).events))
  return events.flat().map(({ key }) => key)
}

describe('content of POST /v1/events', () => {
  it.each([
    'application/json',
    'Application/JSON; Charset=UTF-8',
    'application/json;charset="utf-8"',
    'application/json; charset=US-ASCII',
    'application/vnd.acme.reading+json',
  ])('G-HTTP-5 %s is read as UTF-8 JSON', async (type) => {
    expect(await post(event('Müller'), { 'content-type': type })).toMatchObject({ status: 200, body: { accepted: 1 } })
  })

  it('G-HTTP-5 without a type it is read as UTF-8 JSON, with or without a byte order mark', async () => {
    expect(await post(event('no type'))).toMatchObject({ status: 200, body: { accepted: 1 } })
    expect(await post(`\ufeff${event('mark')}`)).toMatchObject({ status: 200, body: { accepted: 1 } })
    expect(await keys()).toContain('mark')
  })

  it.each([
    { 'content-type': 'application/json; charset=iso-8859-1' },
    { 'content-type': 'application/json; charset="Windows-1252"' },
    { 'content-type': 'application/json; charset=utf-16' },
    { 'content-type': 'no media type' },
    { 'content-type': 'text/plain;charset=UTF-8' },
    { 'content-type': 'application/json, text/plain' },
    { 'content-type': 'application/jsonp' },
    { 'content-type': 'application/cloudevents+xml' },
    { 'content-type': 'application/cloudevents-batch+avro' },
    { 'content-encoding': 'gzip' },
    { 'content-encoding': 'identity, BR' },
  ])('G-HTTP-5 %j is refused with 415', async (headers) => {
    const answer = await post(event('other'), headers as Record<string, string>)
    expect(answer).toMatchObject({ status: 415, body: { error: { code: 'unsupported_content' } } })
  })

  it('G-HTTP-5 an identity encoding is none', async () => {
    expect(await post(event('identity'), { 'content-encoding': 'Identity' })).toMatchObject({ status: 200 })
  })

  it('G-HTTP-5 bytes that are not UTF-8 are refused, so that Müller and Möller stay two keys', async () => {
    for (const name of ['Müller', 'Möller']) {
      for (const headers of [{}, { 'content-type': 'application/json' }]) {
        const answer = await post(latin1(event(name)), headers)
        expect(answer).toMatchObject({ status: 400, body: { error: { code: 'invalid_frame' } } })
      }
    }
    // An overlong space, and half of a pair of surrogates.
    for (const bytes of ['\xc0\xa0', '\xed\xa0\x80']) {
      expect(await post(latin1(event(`a${bytes}`)))).toMatchObject({ status: 400 })
    }
    expect((await keys()).filter((key) => key.includes('\ufffd'))).toEqual([])
  })

  it('G-HTTP-7 a header that is given twice is read as one list', async () => {
    const body = event('twice')
    const head = ['POST /v1/events HTTP/1.1', 'Host: localhost', `Content-Length: ${body.length}`]
    const keys = ['Idempotency-Key: order-1', 'Idempotency-Key: order-2']
    const { text, statuses } = await rawExchange(server.port, [...head, ...keys, '', body].join('\r\n'))
    expect(statuses).toEqual([400])
    expect(text).toContain('Idempotency-Key')
  })
})
