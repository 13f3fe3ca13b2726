import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { partitionOf } from '../../src/bus/index.ts'
import { shopDefinitions } from './shop.ts'
import { type Act, World } from './world.ts'

const PARTITIONS = 3
let ids = 0

function send(world: World, entity: string, key: string, command: string, input: object, id = `c-${ids++}`): string {
  world.append({ id, key, entity, command, input, node: 'gw', checksum: JSON.stringify(input), waitMs: 9_000 })
  return id
}
const place = (world: World, key: string, sku: string, input: object = {}) =>
  send(world, 'order', key, 'place', { sku, n: 1, ...input })
const types = (world: World, name: string, key: string) => world.trail(name, key).map(({ type }) => type)

describe('reactions', () => {
  test('E-THEN-1 E-THEN-3 E-THEN-6 a command follows from an event, and its outcome comes back as an event', () => {
    const world = new World(shopDefinitions, PARTITIONS)
    send(world, 'stock', 'tea', 'fill', { n: 1 })
    world.settle()
    const first = place(world, 'o1', 'tea')
    world.settle()
    place(world, 'o2', 'tea')
    world.settle()
    expect(types(world, 'order', 'o1')).toEqual(['placed', 'reserved'])
    expect(types(world, 'order', 'o2')).toEqual(['placed', 'refused'])
    expect(world.record('order', 'o2')!.state).toMatchObject({ code: 'sold_out' })
    expect(world.trail('stock', 'tea')[1]!.data).toMatchObject({ order: 'o1', by: 'system:order order o1 placed' })
    expect(world.trail('stock', 'tea')[1]!.cause).toEqual({ entity: 'order', key: 'o1', version: 1 })
    expect(world.trail('order', 'o1').map(({ cause }) => cause?.entity)).toEqual([undefined, 'order'])
    expect(world.outcome('o1', first)).toMatchObject({ status: 'done', events: [{ type: 'placed' }] })
  })

  test('E-ERASE-2 one that waited while its target was erased brings nothing back, and its source hears of it', () => {
    const world = new World(shopDefinitions, PARTITIONS)
    send(world, 'stock', 'tea', 'fill', { n: 5 })
    world.settle()
    place(world, 'o1', 'tea')
    for (const act of ['fold', 'commit'] as const) world.act(partitionOf('o1', PARTITIONS), act)
    world.time = 1_500
    send(world, 'stock', 'tea', '~erase', {})
    for (const act of ['fold', 'commit'] as const) world.act(partitionOf('tea', PARTITIONS), act)
    world.settle()
    expect(world.record('stock', 'tea')).toMatchObject({ version: 2, erased: { version: 2, time: 1_500 } })
    expect(world.record('order', 'o1')!.state).toMatchObject({ status: 'refused', code: 'erased' })
    place(world, 'o2', 'tea')
    world.settle()
    expect(world.record('order', 'o2')!.state).toMatchObject({ code: 'sold_out' })
  })

  test('E-THEN-2 its id follows from the command, the event and its place there', () => {
    const ran = () => {
      const world = new World(shopDefinitions, PARTITIONS)
      send(world, 'stock', 'tea', 'fill', { n: 9 }, 'f')
      send(world, 'order', 'o1', 'place', { sku: 'tea', n: 1, times: 2 }, 'same')
      send(world, 'order', 'o2', 'place', { sku: 'tea', n: 1, times: 1 }, 'same-2')
      world.settle()
      return world.trail('stock', 'tea').map(({ commandId }) => commandId)
    }
    const [first, again] = [ran(), ran()]
    expect(first).toEqual(again)
    expect(new Set(first).size).toBe(4)
  })

  test.each([
    ['stock', 'no-such-entity', 'unknown_entity'],
    ['reserve', 'no-such-command', 'unknown_command'],
  ])('E-THEN-3 a target that there is not any more (%s) has an outcome', (_what, _missing, code) => {
    const definitions = new Map(shopDefinitions)
    const { commands } = shopDefinitions.get('stock')!
    if (code === 'unknown_entity') definitions.delete('stock')
    else definitions.set('stock', { ...shopDefinitions.get('stock')!, commands: new Map([...commands].slice(0, 1)) })
    const world = new World(definitions, PARTITIONS)
    place(world, 'o1', 'tea')
    world.settle()
    expect(world.record('order', 'o1')!.state).toMatchObject({ status: 'refused', code })
  })

  test.each([
    [
      'throws',
      () => {
        throw new Error('no')
      },
    ],
    ['decides nothing', () => []],
    [
      'does not return',
      () => {
        for (;;);
      },
    ],
  ])('E-THEN-3 an outcome that %s leaves its source as it was', (_how, outcome) => {
    const world = new World(
      new Map([...shopDefinitions, ['order', { ...shopDefinitions.get('order')!, outcome }]]),
      PARTITIONS,
    )
    place(world, 'o1', 'tea')
    place(world, 'o2', 'tea')
    world.settle()
    expect([types(world, 'order', 'o1'), types(world, 'order', 'o2')]).toEqual([['placed'], ['placed']])
    const [id] = [...world.answersOf('o1')].filter((answered) => answered.startsWith('outcome:'))
    expect(world.outcome('o1', id!)).toMatchObject({ status: 'rejected', code: 'handler_failed' })
  })

  test('E-THEN-4 a chain of more than 16 reactions ends with too_deep at its last source', () => {
    const world = new World(shopDefinitions, PARTITIONS)
    send(world, 'ring', '0', 'call', {})
    world.settle()
    const records = ['0', '1', '2', '3', '4'].map(
      (key) => world.record('ring', key)!.state as { calls: number; ends: string[] },
    )
    expect(records.reduce((sum, { calls }) => sum + calls, 0)).toBe(17)
    expect(records.flatMap(({ ends }) => ends).sort()).toEqual([...Array(16).fill('done'), 'too_deep'])
    expect(records[1]!.ends.at(-1)).toBe('too_deep')
  })

  test.each([
    ['throws', {}, 'handler_failed'],
    ['endless', {}, 'handler_failed'],
    ['large', {}, 'handler_failed'],
    ['tea', { times: 65 }, 'state_too_large'],
  ])('E-THEN-5 a command whose reactions fail (%s) fails with them', (sku, input, code) => {
    const world = new World(shopDefinitions, PARTITIONS)
    const id = place(world, 'o1', sku, input)
    const next = place(world, 'o2', 'tea')
    world.settle()
    expect(world.outcome('o1', id)).toMatchObject({ status: 'rejected', code })
    expect(world.trail('order', 'o1')).toEqual([])
    expect(world.outcome('o2', next)).toMatchObject({ status: 'done' })
  })

  test('E-THEN-6 a command says whether clients, reactions or both may send it', () => {
    const world = new World(shopDefinitions, PARTITIONS)
    const id = send(world, 'stock', 'tea', 'reserve', { n: 1, order: 'o1' })
    world.settle()
    expect(world.outcome('tea', id)).toMatchObject({ status: 'rejected', code: 'unknown_command' })
    const { commands } = shopDefinitions.get('stock')!
    const reserve = { ...commands.get('reserve')!, by: 'client' as const }
    const clientsOnly = { ...shopDefinitions.get('stock')!, commands: new Map([...commands, ['reserve', reserve]]) }
    const other = new World(new Map([...shopDefinitions, ['stock', clientsOnly]]), PARTITIONS)
    place(other, 'o1', 'tea')
    other.settle()
    expect(other.record('order', 'o1')!.state).toMatchObject({ status: 'refused', code: 'unknown_command' })
  })

  test('E-THEN-1 E-THEN-2 E-THEN-3 whenever owners end, each reaction happens once, and trails and states agree', () => {
    const acts: Act[] = ['fold', 'fold', 'commit', 'commit', 'lose', 'drop', 'send', 'send', 'arrive', 'end']
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.tuple(fc.constantFrom(...acts), fc.nat(PARTITIONS - 1)) },
      { weight: 1, arbitrary: fc.tuple(fc.constant('place' as const), fc.nat(7)) },
      { weight: 1, arbitrary: fc.tuple(fc.constant('again' as const), fc.nat(7)) },
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const world = new World(shopDefinitions, PARTITIONS)
        const skus = ['tea', 'rice', 'salt']
        for (const sku of skus) send(world, 'stock', sku, 'fill', { n: 5 }, `fill-${sku}`)
        const placed = new Set<number>()
        const placeOne = (n: number) => {
          placed.add(n)
          send(world, 'order', `o${n}`, 'place', { sku: skus[n % 3], n: 1, times: (n % 4) + 1 }, `p${n}`)
        }
        for (const [what, n] of steps) {
          if (what === 'place' || (what === 'again' && placed.has(n))) placeOne(n)
          else if (what !== 'again') world.act(n, what)
        }
        world.settle()
        const reserved = skus.flatMap((sku) =>
          world
            .trail('stock', sku)
            .flatMap(({ type, data }) => (type === 'reserved' ? [data as { order: string }] : [])),
        )
        for (const n of placed) {
          const key = `o${n}`
          const trail = types(world, 'order', key)
          expect(trail[0]).toBe('placed')
          expect(trail.filter((type) => type === 'placed')).toHaveLength(1)
          expect(trail.slice(1)).toHaveLength((n % 4) + 1)
          const ofOrder = reserved.filter((data) => data.order === key)
          expect(trail.filter((type) => type === 'reserved')).toHaveLength(ofOrder.length)
          expect(world.record('order', key)).toEqual(world.folded('order', key))
        }
        for (const sku of skus) {
          expect(world.record('stock', sku)).toEqual(world.folded('stock', sku))
          expect((world.record('stock', sku)!.state as { left: number }).left).toBeGreaterThanOrEqual(0)
        }
      }),
      { numRuns: 80 },
    )
  })
})
