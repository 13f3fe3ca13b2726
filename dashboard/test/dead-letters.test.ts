import { describe, expect, it, vi } from 'vitest'
import { DeadLetterList, type LetterQuery, type LetterSource, type ShownLetter } from '../src/model/dead-letters.ts'

const letterOf = (n: number, topic = 'a'): ShownLetter => ({
  ...{ topic, place: `0/1-0.${n}`, origin: `1-0.${n}`, cause: 'x' },
  event: { id: `e${n}`, key: 'k', time: 1, data: {} },
})
const redriven = ({ topic, place, origin }: ShownLetter) =>
  ({ topic, place, origin, outcome: 'redriven', results: { [topic]: 1 } }) as const
const staying = ({ topic, place, origin }: ShownLetter) =>
  ({ topic, place, origin, outcome: 'stays', why: 'it throws' }) as const
const ALL: LetterQuery = { topic: '', key: '', cause: '' }

function listOf(answers: Partial<LetterSource>) {
  const source: LetterSource = {
    list: async () => ({
      letters: [letterOf(0), letterOf(1)],
      topics: [
        { topic: 'a', windows: [] },
        { topic: 'w', windows: [], stays: 'it has moved on' },
      ],
    }),
    redriveOne: async () => ({ outcomes: [], moved: [], windows: [] }),
    redriveAll: async () => ({ outcomes: [], moved: [], windows: [] }),
    ...answers,
  }
  return new DeadLetterList(source, () => {})
}

describe('dead letters', () => {
  it('G-PAGE-16 a letter that has moved is redriven where it lies now', async () => {
    const moved = { ...letterOf(1), place: '0/2-0.0' }
    const redriveOne = vi.fn<LetterSource['redriveOne']>(async (_, place) => ({
      outcomes: [redriven(place === '0/1-0.0' ? letterOf(0) : moved)],
      moved: place === '0/1-0.0' ? [moved] : [],
      windows: ['w'],
    }))
    const list = listOf({ redriveOne })
    await list.ask(ALL)
    await list.redrive(letterOf(0))
    await list.redrive(letterOf(1))
    expect(redriveOne.mock.calls.map(([, place]) => place)).toEqual(['0/1-0.0', '0/2-0.0'])
    expect(list.stateOf(letterOf(1))).toMatchObject({ outcome: { outcome: 'redriven' } })
    expect(list.summary).toMatchObject({ redriven: 2, stay: 0, stored: new Map([['a', 2]]), windows: ['w'] })
  })

  it('G-PAGE-16 all of a query are redriven page by page, of topics that can be; one that stays is counted once', async () => {
    const redriveAll = vi.fn<LetterSource['redriveAll']>(async (_, from) => ({
      outcomes: from === undefined ? [redriven(letterOf(0)), staying(letterOf(1))] : [staying(letterOf(1))],
      moved: [],
      windows: [],
      ...(from === undefined && { next: '0/1-0.5 a' }),
    }))
    const list = listOf({ redriveAll })
    await list.ask({ ...ALL, key: 'k' })
    await list.redriveAll()
    expect(redriveAll.mock.calls).toEqual([
      [{ topic: 'a', key: 'k', cause: '' }, undefined],
      [{ topic: 'a', key: 'k', cause: '' }, '0/1-0.5 a'],
    ])
    expect(list.summary).toMatchObject({ isUnderWay: false, redriven: 1, stay: 1 })
    expect(list.whyItStays('w')).toBe('it has moved on')
  })

  it('G-PAGE-16 a failure is said: of the list, of one letter, and of all', async () => {
    const fail = async () => Promise.reject(new Error('no'))
    const list = listOf({ redriveOne: fail, redriveAll: fail })
    await list.ask(ALL)
    await list.redrive(letterOf(0))
    expect(list.stateOf(letterOf(0))).toEqual({ kind: 'failed', message: 'no' })
    await list.redriveAll()
    expect(list.summary).toMatchObject({ isUnderWay: false, failure: 'no' })
    const unlisted = listOf({ list: fail })
    await unlisted.ask(ALL)
    expect(unlisted.list).toEqual({ kind: 'failed', message: 'no' })
  })

  it('G-PAGE-16 an answer to what was asked before is dropped', async () => {
    let first: (() => void) | undefined
    const list = listOf({
      list: ({ topic }) =>
        new Promise((resolve) => {
          const answer = () => resolve({ letters: [letterOf(0, topic)], topics: [] })
          if (topic === 'old') first = answer
          else answer()
        }),
    })
    const old = list.ask({ ...ALL, topic: 'old' })
    await list.ask({ ...ALL, topic: 'new' })
    first!()
    await old
    expect(list.list).toMatchObject({ kind: 'shown', letters: [{ topic: 'new' }] })
  })
})
