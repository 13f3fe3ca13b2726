import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CutTransfer, ReplicationReply, ReplyError } from '../../src/bus/snapshot/replication-reply.ts'

const MARK = 'abcdefghijklmnopqrstuvwxyz0123456789ABCD'
/** Bytes that look like what ends a line, an answer or the mark, more often than chance has it. */
const payload = fc.array(
  fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc.constantFrom('\n', '-ERR\n', '$5\n', MARK.slice(0, 39), MARK.slice(1), 'abc').map((text) => Buffer.from(text)),
  ),
  { maxLength: 12 },
)
const cuts = fc.array(fc.nat({ max: 1_000 }), { maxLength: 20 })

async function* piecesOf(all: Buffer, at: readonly number[]): AsyncGenerator<Buffer> {
  const borders = [0, ...at.map((cut) => cut % (all.length + 1)).sort((a, b) => a - b), all.length]
  for (let i = 1; i < borders.length; i++) yield all.subarray(borders[i - 1], borders[i])
}

async function read(reply: ReplicationReply) {
  const answer = await reply.line()
  const { size, pieces } = await reply.snapshot()
  const parts: Buffer[] = []
  for await (const piece of pieces) parts.push(piece)
  return { answer, size, all: Buffer.concat(parts).toString('latin1') }
}

describe('the answer to a replica', () => {
  it('B-SNAPSHOT-1 a snapshot is read as it was sent, with its length or up to its mark, however it is cut into pieces', async () => {
    await fc.assert(
      fc.asyncProperty(payload, cuts, fc.boolean(), fc.nat({ max: 3 }), async (parts, at, hasLength, alive) => {
        const sent = Buffer.concat(parts)
        fc.pre(!sent.includes(MARK))
        const head = `+OK\r\n${'\n'.repeat(alive)}${hasLength ? `$${sent.length}` : `$EOF:${MARK}`}\r\n`
        const tail = hasLength ? '' : MARK
        const all = Buffer.concat([Buffer.from(head), sent, Buffer.from(tail)])
        expect(await read(new ReplicationReply(piecesOf(all, at)))).toEqual({
          answer: '+OK',
          size: hasLength ? sent.length : undefined,
          all: sent.toString('latin1'),
        })
      }),
    )
  })

  it('B-SNAPSHOT-2 what ends early is no snapshot, wherever it ends', async () => {
    for (const head of ['$30\r\n', `$EOF:${MARK}\r\n`]) {
      const whole = Buffer.from(`+OK\r\n${head}${'x'.repeat(30)}${head.startsWith('$EOF') ? MARK : ''}`)
      for (let end = 0; end < whole.length; end++) {
        await expect(read(new ReplicationReply(piecesOf(whole.subarray(0, end), [7])))).rejects.toThrow(CutTransfer)
      }
    }
  })

  it.each([
    ['-NOPERM no rights\r\n', /NOPERM no rights/],
    ['+OK\r\n-LOADING\r\n', /LOADING/],
    ['+OK\r\n+CONTINUE\r\n', /Protocol error/],
    ['+OK\r\n$EOF:short\r\n', /Protocol error/],
    ['x'.repeat(3_000), /a line does not end/],
  ])('B-SNAPSHOT-2 %j is refused', async (text, why) => {
    const refused = read(new ReplicationReply(piecesOf(Buffer.from(text), [])))
    await expect(refused).rejects.toThrow(ReplyError)
    await expect(refused).rejects.toThrow(why)
  })
})
