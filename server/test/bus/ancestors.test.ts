import { expect, it } from 'vitest'
import { type Ancestor, inheritedMarks } from '../../src/bus/log/ancestors.ts'
import { border, wholeEntry } from '../../src/bus/log/mark.ts'

const TOPIC = 'a.reading'
const ancestor = (partition: number, epoch: string, became: string, end: string): Ancestor => ({
  ...{ partition, epoch, became, ends: { [TOPIC]: end } },
})
/** One partition was divided into two, and those into four. */
const LINES = [
  [ancestor(0, 'e', 'e0', '10-0'), ancestor(0, 'e0', 'f0', '20-0')],
  [ancestor(0, 'e', 'e1', '10-0'), ancestor(1, 'e1', 'f1', '21-0')],
  [ancestor(0, 'e', 'e0', '10-0'), ancestor(0, 'e0', 'f2', '20-0')],
  [ancestor(0, 'e', 'e1', '10-0'), ancestor(1, 'e1', 'f3', '21-0')],
]

const at = (epoch: string, streamId: string, index = 3) => ({ epoch, streamId, index })
const inherited = (...marks: [partition: number, mark: ReturnType<typeof at>][]) => [
  ...inheritedMarks(new Map(marks), TOPIC, LINES),
]

it('D-RESUME-13 a position in a partition that was divided stands for the same place in each that came of it', () => {
  expect(inherited([0, at('e', '7-0')])).toEqual([
    [0, at('f0', '7-0')],
    [1, at('f1', '7-0')],
    [2, at('f2', '7-0')],
    [3, at('f3', '7-0')],
  ])
  expect(inherited([0, at('e0', '15-0')], [1, at('e1', '21-0')])).toEqual([
    [0, at('f0', '15-0')],
    [1, at('f1', '21-0')],
    [2, at('f2', '15-0')],
    [3, at('f3', '21-0')],
  ])
})

it('D-RESUME-13 a position of the present epoch is what it is, and says nothing of partitions that are not named', () => {
  expect(inherited([0, at('f0', '30-0')], [3, at('f3', '31-0')])).toEqual([
    [0, at('f0', '30-0')],
    [3, at('f3', '31-0')],
  ])
  expect(inherited()).toEqual([])
})

it('D-RESUME-13 a position behind the end that the log had is of another epoch, so its loss is told', () => {
  expect(inherited([0, at('e', '11-0')])).toEqual([0, 1, 2, 3].map((partition) => [partition, at('e', '11-0')]))
  // It names no entry.
  const between = border('e', '11-0')
  expect(inherited([0, between])).toEqual(['f0', 'f1', 'f2', 'f3'].map((epoch, p) => [p, { ...between, epoch }]))
  const start = wholeEntry('e', '0-0')
  expect([...inheritedMarks(new Map([[0, start]]), 'a.other', LINES)]).toEqual(
    ['f0', 'f1', 'f2', 'f3'].map((epoch, p) => [p, { ...start, epoch }]),
  )
})

it('D-RESUME-13 a position of an epoch before is told as ever, in each partition', () => {
  expect(inherited([0, at('old', '5-0')])).toEqual([0, 1, 2, 3].map((partition) => [partition, at('old', '5-0')]))
})
