import { readFileSync } from 'node:fs'
import { type ClientFrame, ERROR_CODES, type ErrorCode } from '@tidegate/protocol'
import { describe, expect, it } from 'vitest'
import { parseClientFrame } from '../../src/gateway/client-frame.ts'
import { answerReply } from '../../src/gateway/http/command-replies.ts'
import { errorReply } from '../../src/gateway/http/replies.ts'

/** Each type of client frame: a new one does not compile until it is here. */
const TYPES: Readonly<Record<ClientFrame['type'], true>> = {
  hello: true,
  publish: true,
  subscribe: true,
  unsubscribe: true,
  credit: true,
  token: true,
  pong: true,
  query: true,
  command: true,
}
const DOCUMENT = readFileSync(new URL('../../../protocol/PROTOCOL.md', import.meta.url), 'utf8')
const between = (start: string, end: string) => DOCUMENT.slice(DOCUMENT.indexOf(start), DOCUMENT.indexOf(end))

describe('PROTOCOL.md', () => {
  const examples = [...between('\n## Client frames', '\n## Server frames').matchAll(/```json\n([^`]*)\n```/g)].map(
    ([, json]) => JSON.parse(json!) as { type: string },
  )

  it('P-DOC-2 has an example of each client frame', () => {
    expect(new Set(examples.map(({ type }) => type))).toEqual(new Set(Object.keys(TYPES)))
  })

  it.each(examples)('P-DOC-2 the gateway reads the $type', (frame) => {
    expect(parseClientFrame(JSON.stringify(frame))).toEqual({ ok: true, frame })
  })

  it('P-DOC-1 names the HTTP status of every code', () => {
    const listed = new Map<string, number>()
    for (const [, status, codes] of between('\n## HTTP', '\n### `POST').matchAll(/^\| (\d+) +\| (.*) \|$/gm)) {
      for (const [, code] of codes!.matchAll(/`(\w+)`/g)) listed.set(code!, Number(status))
    }
    const codes = Object.keys(ERROR_CODES) as ErrorCode[]
    const served = codes.map((code) => [code, errorReply(code, '').status] as const)
    expect(served).toEqual(codes.map((code) => [code, listed.get(code) ?? 400]))
  })

  it('P-DOC-1 names the HTTP status of every answer to a command', () => {
    const rows = [...between('\n## Answer codes', '\n## Close codes').matchAll(/^\| `(\w+)` +\| (\d+) /gm)]
    expect(rows.length).toBeGreaterThan(10)
    const statusOf = (code: string) => answerReply({ status: 'rejected', code, message: '' }, '', () => false).status
    expect(rows.map(([, code]) => [code, statusOf(code!)])).toEqual(
      rows.map(([, code, status]) => [code, Number(status)]),
    )
  })
})
