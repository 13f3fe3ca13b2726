import { expect, it } from 'vitest'
import { ANSWERS_TOPIC, encodeEvent, RecordBatchBuilder } from '../../src/bus/index.ts'
import { readOutcome } from '../../src/commands/index.ts'
import { ownAnswers } from '../../src/commands/own-answers.ts'
import { answerFrame } from '../../src/gateway/answer-frame.ts'

const DONE = {
  status: 'done',
  version: 7,
  epoch: 'e',
  events: [{ type: 'named', data: { name: ',"data":{"ж\n' } }],
} as const

/** An entry of the log of answers: id and gateway of each. */
function entryOf(answers: readonly (readonly [id: string, node: string])[]) {
  const builder = new RecordBatchBuilder()
  builder.addSlice(
    answers.map(([id, node]) => {
      const json = encodeEvent(id, node, 1_000, 'subject', JSON.stringify(DONE))
      return { key: node, lane: 'normal', time: 1_000, json }
    }),
  )
  const stored = { topic: ANSWERS_TOPIC, streamId: '5-0', epoch: 'e', refused: undefined, watermark: undefined }
  return { ...stored, ...builder.build() }
}

it('CMD-ANSWER-11 the frame of an outcome is that of the parsed one, whatever stands in names and data', () => {
  const ids = ['plain', 'of "quotes" \\', ',"data":{"status":"rejected"}}', 'ключ \u0000']
  const node = 'gw ","data":{'
  const answers = ownAnswers(node, 3, entryOf(ids.flatMap((id) => [[id, node] as const, ['other', 'gw'] as const])))
  expect(answers.map(({ id }) => id)).toEqual(ids)
  for (const [i, { id, outcome, logged }] of answers.entries()) {
    const position = `3@e/5-0.${2 * i}`
    expect([readOutcome(outcome), logged.position]).toEqual([DONE, position])
    const frame = answerFrame(id, outcome, logged)
    expect(frame).toBe(JSON.stringify({ type: 'answer', id, ...DONE, position }))
  }
})

it('CMD-ANSWER-11 what is told in place of the outcome of the log is written anew', () => {
  const told = { status: 'rejected', code: 'erased', message: 'gone' } as const
  expect(answerFrame('a', told, { position: '3@e/5-0.0' })).toEqual({
    type: 'answer',
    id: 'a',
    ...told,
    position: '3@e/5-0.0',
  })
})
