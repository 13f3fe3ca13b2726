import { describe, expect, it } from 'vitest'
import { readingOf } from '../support/contract.ts'
import { useGateway } from '../support/use-gateway.ts'

const server = await useGateway()

async function post(body: unknown, headers: Record<string, string>) {
  const response = await fetch(`${server.url}/v1/events`, {
    method: 'POST',
    body: body === undefined ? null : JSON.stringify(body),
    headers,
  })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

const structured = (event: unknown) => post(event, { 'content-type': 'application/cloudevents+json' })
const batch = (events: unknown) => post(events, { 'content-type': 'application/cloudevents-batch+json' })

interface Stored {
  readonly id: string
  readonly key: string
  readonly source?: string
  readonly time: number
  readonly data: unknown
}

async function stored(key: string): Promise<Stored[]> {
  const pages = await Promise.all(
    [0, 1, 2, 3].map((p) => fetch(`${server.url}/v1/history?topic=sensor.reading&partition=${p}&limit=1000`)),
  )
  const events = await Promise.all(pages.map(async (page) => ((await page.json()) as { events: Stored[] }).events))
  return events.flat().filter((event) => event.key === key)
}

const time = '2026-01-02T03:04:05.678Z'
const event = (id: string, key = 'ce') => ({
  specversion: '1.0',
  type: 'sensor.reading',
  id,
  source: '/attic',
  ...readingOf(key),
})

const BINARY = {
  'content-type': 'application/json',
  'ce-specversion': '1.0',
  'ce-type': 'sensor.reading',
  'ce-id': '1',
  'ce-source': '/a',
}

describe('CloudEvents', () => {
  it('G-PUBLISH-5 are read in structured and batch mode, whatever the case of the media type', async () => {
    expect(await structured({ ...event('s-1'), time })).toMatchObject({ status: 200, body: { accepted: 1 } })
    const type = { 'content-type': 'Application/CloudEvents-Batch+JSON; charset=UTF-8' }
    expect(await post([event('s-2')], type)).toMatchObject({ status: 200, body: { accepted: 1 } })
    expect(await stored('ce')).toMatchObject([
      { id: 's-1', source: '/attic', time: Date.parse(time) },
      { id: 's-2', source: '/attic' },
    ])
    expect(await structured([event('s-3')])).toMatchObject({ status: 400, body: { error: { code: 'invalid_frame' } } })
    expect(await batch(event('s-4'))).toMatchObject({ status: 400, body: { error: { code: 'invalid_frame' } } })
  })

  it('G-PUBLISH-5 are read in binary mode: attributes are headers, percent-decoded, the body is the data', async () => {
    const { data } = readingOf('binary')
    const headers = {
      'content-type': 'application/json',
      'ce-specversion': '1.0',
      'ce-type': 'sensor.reading',
      'ce-id': 'M%C3%BCller%20%25%22',
      'ce-source': '"/a \\"b\\""',
      'ce-time': time,
      'ce-unknown': 'x',
    }
    expect(await post({ ...data, topic: 'no.such', data: {} }, headers)).toMatchObject({ status: 200 })
    const at = { id: 'Müller %"', source: '/a "b"', time: Date.parse(time) }
    expect(await stored('binary')).toMatchObject([{ ...at, data }])
  })

  it.each([
    [{ 'ce-specversion': '0.3' }, 'specversion'],
    [{ 'ce-specversion': '2.0' }, 'specversion'],
    [{ 'ce-id': '%C0%A0' }, 'ce-id'],
    [{ 'ce-id': '%ED%A0%80' }, 'ce-id'],
    [{ 'ce-source': 'M\xfcllers' }, 'ce-source'],
    [{ 'ce-time': '2026-01-02T03:04:05' }, 'time'],
  ])('G-PUBLISH-5 in binary mode %j is refused by name', async (headers, path) => {
    const answer = await post(readingOf('never').data, { ...BINARY, ...(headers as Record<string, string>) })
    expect(answer).toMatchObject({ status: 400, body: { accepted: 0, rejected: [{ index: 0, path }] } })
    expect(await stored('never')).toEqual([])
  })

  it('G-PUBLISH-5 without an attribute that must be there they are refused, and never read as a plain event', async () => {
    const plain = { topic: 'sensor.reading', ...readingOf('never') }
    for (const name of ['type', 'id', 'source', 'specversion']) {
      const { [name]: _, ...rest } = event('x') as Record<string, unknown>
      expect(await structured(rest)).toMatchObject({
        status: 400,
        body: { rejected: [{ code: 'invalid_event', path: name }] },
      })
      const { [`ce-${name}`]: __, ...headers } = BINARY as Record<string, string>
      expect(await post(plain, headers)).toMatchObject({ status: 400, body: { rejected: [{ path: name }] } })
    }
    expect(await stored('never')).toEqual([])
  })

  it('G-PUBLISH-5 only JSON data is taken', async () => {
    const other = { status: 400, body: { rejected: [{ code: 'unsupported_content' }] } }
    const { data: _, ...rest } = event('x')
    expect(await structured({ ...rest, data_base64: 'AAAA' })).toMatchObject(other)
    expect(await structured({ ...event('x'), datacontenttype: 'application/xml' })).toMatchObject(other)
    expect(await structured({ ...event('x'), datacontenttype: 7 })).toMatchObject(other)
    expect(await post(readingOf('x').data, { ...BINARY, 'content-type': 'text/xml' })).toMatchObject({ status: 415 })
    expect(await post(undefined, BINARY)).toMatchObject({
      status: 400,
      body: { rejected: [{ code: 'invalid_data' }] },
    })
    const vendor = { ...event('vendor', 'vendor'), datacontenttype: 'Application/Vnd.X+JSON; charset=utf-8' }
    expect(await structured(vendor)).toMatchObject({ status: 200 })
  })

  it('G-PUBLISH-5 null counts as absent', async () => {
    const nulls = { time: null, datacontenttype: null, data_base64: null, subject: null }
    expect(await structured({ ...event('n-1', 'null'), ...nulls })).toMatchObject({ status: 200 })
    expect(await structured({ ...event('n-2', 'null'), source: null })).toMatchObject({
      status: 400,
      body: { rejected: [{ path: 'source' }] },
    })
    expect((await stored('null')).map(({ id }) => id)).toEqual(['n-1'])
  })

  it('I-VALID-3 G-PUBLISH-5 are the same if id and source are', async () => {
    const twice = event('t-1', 'twice')
    const answer = await batch([twice, { ...twice, source: '/cellar' }, twice])
    expect(answer).toMatchObject({ status: 200, body: { accepted: 2, rejected: [{ index: 2, code: 'duplicate_id' }] } })
    expect((await stored('twice')).map(({ source }) => source)).toEqual(['/attic', '/cellar'])
  })

  it('G-PUBLISH-1 G-PUBLISH-7 of a batch the bad ones are listed and the good ones stored', async () => {
    const times = ['2026-01-02T03:04:05', '12', '2026-02-30T00:00:00Z', 1_767_000_000_000, time]
    const answer = await batch([...times.map((at, i) => ({ ...event(`m-${i}`, 'mixed'), time: at })), 7])
    const bad = { code: 'invalid_time', path: 'time' }
    const rejected = [...[0, 1, 2, 3].map((index) => ({ index, ...bad })), { index: 5, code: 'invalid_event' }]
    expect(answer).toMatchObject({ status: 200, body: { accepted: 1, rejected } })
    expect(await stored('mixed')).toMatchObject([{ id: 'm-4', time: Date.parse(time) }])
  })
})
