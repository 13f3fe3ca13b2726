import { expect, test } from 'vitest'
import { ProgressLine } from '../../src/cli/terminal/progress-line.ts'

function outputOf(isTTY: boolean) {
  const written: string[] = []
  const write = (text: string) => written.push(text)
  return { written, output: { isTTY, write } as unknown as NodeJS.WriteStream }
}

test('X-ENTITY-5 progress - what is done soon shows none', () => {
  const { written, output } = outputOf(false)
  const line = new ProgressLine(output, 60_000)
  line.show('1 event')
  line.end()
  expect(written).toEqual([])
})

test('X-ENTITY-5 X-BACKFILL-3 progress - elsewhere than in a terminal it is a line at intervals, and the last one', () => {
  const { written, output } = outputOf(false)
  const line = new ProgressLine(output)
  for (const text of ['1 event', '2 events', '3 events']) line.show(text)
  line.end()
  expect(written).toEqual(['1 event\n', '3 events\n'])
})

test('X-ENTITY-5 X-BACKFILL-3 progress - in a terminal it is overwritten', () => {
  const { written, output } = outputOf(true)
  const line = new ProgressLine(output)
  for (const text of ['1 event', '2 events']) line.show(text)
  line.end()
  expect(written).toEqual(['\r\u001b[K1 event', '\r\u001b[K2 events', '\n'])
})
