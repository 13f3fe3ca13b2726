import { describe, expect, test } from 'vitest'
import { EntitySearch, type FoundEntity } from '../src/model/entity-search.ts'
import { stateFields } from '../src/model/state-fields.ts'

const found = (key: string): FoundEntity => ({ key, version: 1, time: 1, view: {} })

describe('entity search', () => {
  test('entity search - page by page', async () => {
    const search = new EntitySearch(() => {})
    const pages = new Map([
      [undefined, { entities: [found('a'), found('b')], next: '1:' }],
      ['1:', { entities: [found('c')], next: undefined }],
    ])
    await search.start('label "red"', async (after) => pages.get(after as '1:')!)
    expect(search.search).toMatchObject({ kind: 'found', entities: [{ key: 'a' }, { key: 'b' }], next: '1:' })
    await search.more()
    expect(search.search).toMatchObject({ entities: [{ key: 'a' }, { key: 'b' }, { key: 'c' }], next: undefined })
    search.clear()
    expect(search.search).toEqual({ kind: 'none' })
  })

  test('entity search - a late answer to an earlier search is dropped, and a failure is shown', async () => {
    const search = new EntitySearch(() => {})
    let answerLate = (_page: { entities: FoundEntity[]; next: undefined }) => {}
    const first = search.start('first', () => new Promise((resolve) => (answerLate = resolve)))
    await search.start('second', async () => {
      throw new Error('no answer')
    })
    answerLate({ entities: [found('a')], next: undefined })
    await first
    expect(search.search).toEqual({ kind: 'failed', what: 'second', message: 'no answer' })
  })
})

test('state fields - the leaves of a state, and which of them changed', () => {
  const before = { status: 'placed', total: 0, payments: [] }
  const after = { status: 'paid', total: 0, payments: [{ amount: 3 }] }
  const changed = (view: unknown, earlier: unknown) =>
    stateFields(view, earlier).fields.map(({ name, isChanged }) => [name, isChanged])
  expect(changed(after, before)).toEqual([
    ['status', true],
    ['total', false],
    ['payments.0.amount', true],
  ])
  expect(changed(after, undefined).every(([, isChanged]) => isChanged === false)).toBe(true)
  expect(
    stateFields(
      Array.from({ length: 100 }, (_, i) => i),
      undefined,
    ),
  ).toMatchObject({ more: 40 })
})
