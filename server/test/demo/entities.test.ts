import { describe, expect, test } from 'vitest'
import { type CommitOperation, decodeEvents } from '../../src/bus/index.ts'
import demo from '../../src/demo/demo.config.ts'
import type { DemoEvent } from '../../src/demo/demo-event.ts'
import { Desk } from '../../src/demo/desk.ts'
import { demoEvents } from '../../src/demo/generator.ts'
import { type Command, type CommandOutcome, decodeRecord, EntityFold, viewOf } from '../../src/entities/index.ts'

const START = Date.UTC(2024, 10, 23, 9)
const MINUTE = 60_000

/** The demo's entities of one partition that holds everything. */
class World {
  readonly #states = new Map<string, { readonly version: number; readonly view: unknown }>()
  readonly #fold = new EntityFold({
    definitions: demo.contract.entities,
    epoch: 'e',
    now: () => START,
    limited: (body) => {
      body()
      return true
    },
    incident: (what, error) => {
      throw new Error(what, { cause: error })
    },
    publish: () => {},
    bury: (name, topic, _event, cause) => {
      throw new Error(`${name} cannot fold an event of ${topic}: ${cause}`)
    },
  })
  #ids = 0

  send(entity: string, key: string, command: string, input: object = {}): CommandOutcome {
    const id = `c-${this.#ids++}`
    const sent: Command = { id, key, entity, command, input, node: 'n', checksum: id, waitMs: 9_000, storedAt: START }
    for (const [name, keys] of this.#fold.needs([sent]).entities) for (const one of keys) this.#fold.loaded(name, one)
    this.#fold.fold([sent])
    const operations = this.#take(entity)
    const answers = operations.flatMap((operation) =>
      operation.op === 'append' ? decodeEvents(operation.payload) : [],
    )
    return answers[0]!.data as CommandOutcome
  }

  /** Folds an event of a topic. */
  publish(entity: string, key: string, topic: string, data: object): void {
    const definition = demo.contract.entities.get(entity)!
    for (const [name, keys] of this.#fold.needsOf([{ entity, key }]))
      for (const one of keys) this.#fold.loaded(name, one)
    const event = { id: `e-${this.#ids++}`, key, time: START, data }
    this.#fold.foldEvents([{ definition, topic, event, storedAt: START }])
    this.#take(entity)
  }

  /** What entities fold of the simulated world. */
  see(sent: DemoEvent): void {
    const { topic, event } = sent
    if (sent.topic === 'sensor.reading') this.publish('sensor', sent.event.data.sensorId, topic, event.data)
    if (sent.topic === 'commerce.payment_received') this.publish('order', sent.event.data.orderId, topic, event.data)
  }

  /** The operations of a commit, which changes one entity at most. */
  #take(entity: string): CommitOperation[] {
    const operations = this.#fold.takeOperations()
    this.#fold.stored()
    for (const operation of operations) {
      if (operation.op !== 'set') continue
      const [key, record] = operation.fields[0]!
      const { version, state } = decodeRecord(record)
      this.#states.set(`${entity} ${key}`, { version, view: viewOf(demo.contract.entities.get(entity)!, state) })
    }
    return operations
  }

  /** As queries show it. */
  view(entity: string, key: string): unknown {
    return this.#states.get(`${entity} ${key}`)?.view
  }
}

/** Sends commands to one entity, and says what came of each: its events, or the code of its rejection. */
function outcomesOf(world: World, entity: string, key: string, ...commands: [string, object?][]): unknown[] {
  return commands.map(([command, input]) => {
    const outcome = world.send(entity, key, command, input)
    return outcome.status === 'done' ? outcome.events.map(({ type }) => type).join() : outcome.code
  })
}

describe('demo entities', () => {
  test('K-DEMO-7 user - registers once, changes, and is deleted; the hash of the password never leaves', () => {
    const world = new World()
    const account = { email: 'ann@example.org', passwordHash: 'hush' }
    const send = (...commands: [string, object?][]) => outcomesOf(world, 'user', 'ann', ...commands)
    expect(send(['changeEmail', { email: 'a@b.org' }], ['changePassword', { passwordHash: 'x' }], ['delete'])).toEqual(
      Array(3).fill('user_not_found'),
    )
    expect(send(['register', { ...account, email: 'ann' }], ['register', { ...account, passwordHash: '' }])).toEqual(
      Array(2).fill('invalid_data'),
    )
    const answer = world.send('user', 'ann', 'register', account)
    expect(answer).toMatchObject({ events: [{ type: 'registered', data: { email: 'ann@example.org' } }] })
    expect(JSON.stringify(answer)).not.toContain('hush')
    expect(send(['register', account], ['changeEmail', { email: 'no' }])).toEqual([
      'user_already_exists',
      'invalid_data',
    ])
    expect(send(['changeEmail', { email: 'ann@example.com' }], ['changeEmail', { email: 'ann@example.com' }])).toEqual([
      'emailChanged',
      '',
    ])
    expect(send(['changePassword', { passwordHash: 'hush2' }])).toEqual(['passwordChanged'])
    expect(world.view('user', 'ann')).toEqual({ status: 'active', email: 'ann@example.com' })
    expect(send(['delete'], ['delete'], ['register', account])).toEqual(['deleted', 'user_not_found', 'registered'])
  })

  test('K-DEMO-7 order - its total is that of its payments, and it is paid once', () => {
    const world = new World()
    const send = (...commands: [string, object?][]) => outcomesOf(world, 'order', 'o', ...commands)
    const pay = (paymentId: string, amount: number): [string, object] => ['pay', { paymentId, amount }]
    const place: [string, object] = ['place', { userId: 'u', amount: 30.3 }]
    const early = [pay('p', 1), ['cancel', { reason: 'x' }], ['refund']] as [string, object?][]
    expect(send(...early)).toEqual(Array(3).fill('order_not_found'))
    expect(send(['place', { userId: 'u', amount: 0 }], place, place)).toEqual([
      'invalid_data',
      'placed',
      'order_already_exists',
    ])
    expect(send(pay('p-1', 10.1), pay('p-1', 10.1), pay('p-2', 20.3), pay('p-2', 20.2), pay('p-3', 1))).toEqual([
      'paid',
      '',
      'invalid_data',
      'paid',
      'already_paid',
    ])
    expect(world.view('order', 'o')).toMatchObject({ status: 'paid', total: 30.3, payments: [{}, {}] })
    expect(
      send(['cancel', { reason: 'x' }], ['refund'], ['refund'], pay('p-4', 1), ['cancel', { reason: 'x' }]),
    ).toEqual(['already_paid', 'refunded', 'nothing_paid', 'order_closed', 'order_closed'])
    const other = outcomesOf(world, 'order', 'half', place, pay('p', 10), ['cancel', { reason: 'x' }])
    expect(other).toEqual(['placed', 'paid', 'refunded,cancelled'])
    expect(world.view('order', 'half')).toMatchObject({ status: 'cancelled', total: 0 })

    const received = { paymentId: 'p', orderId: 'by-topic', amount: 30.3, currency: 'EUR' }
    const publish = () => world.publish('order', 'by-topic', 'commerce.payment_received', received)
    publish()
    expect(world.view('order', 'by-topic')).toBeUndefined()
    world.send('order', 'by-topic', ...place)
    publish()
    publish()
    expect(world.view('order', 'by-topic')).toMatchObject({
      status: 'paid',
      total: 30.3,
      payments: [{ paymentId: 'p' }],
    })
  })

  test('K-DEMO-7 sensor - idle, updated, processed; an alarm is raised once and cleared', () => {
    const world = new World()
    const send = (...commands: [string, object?][]) => outcomesOf(world, 'sensor', 's', ...commands)
    const update = (temperature: number): [string, object] => ['update', { temperature, humidity: 40 }]
    const status = () => world.send('sensor', 's', 'status')
    expect(status()).toMatchObject({ reply: { status: 'idle' }, events: [], version: 0 })
    expect(send(['process'], update(20))).toEqual(['nothing_to_process', 'updated'])
    expect(status()).toMatchObject({ reply: { status: 'updated' } })
    expect(send(['process'], ['process'])).toEqual(['processed', 'nothing_to_process'])
    expect(status()).toMatchObject({ reply: { status: 'processed' }, version: 2 })
    expect(send(update(31), update(-1), update(20), update(40))).toEqual([
      'updated,alarmRaised',
      'updated',
      'updated,alarmCleared',
      'updated,alarmRaised',
    ])
    expect(world.view('sensor', 's')).toMatchObject({ isAlarmed: true, alarms: 2, last: { temperature: 40 } })

    for (const temperature of [20, 20.5, 31, 31.5]) {
      world.publish('sensor', 'twin', 'sensor.reading', { sensorId: 'twin', temperature, humidity: 40 })
    }
    const twin = { status: 'updated', isAlarmed: true, alarms: 1, last: { temperature: 31 } }
    expect(world.view('sensor', 'twin')).toMatchObject(twin)
  })
})

test('K-DEMO-8 desk - sends few commands, which fit, and some are rejected', () => {
  const world = new World()
  const desk = new Desk()
  const outcomes = new Map<string, number>()
  let sent = 0
  for (const event of demoEvents(1, START)) {
    if (event.atMs > START + 8 * MINUTE) break
    world.see(event)
    for (const { entity, key, command, input } of desk.commandsOf(event)) {
      sent++
      const outcome = world.send(entity, key, command, input)
      const what = outcome.status === 'done' ? `${entity}.${command}` : outcome.code
      outcomes.set(what, (outcomes.get(what) ?? 0) + 1)
    }
  }
  expect(sent / (8 * 60)).toBeLessThan(1)
  const user = ['register', 'changeEmail', 'changePassword', 'delete'].map((command) => `user.${command}`)
  const order = ['place', 'cancel', 'refund'].map((command) => `order.${command}`)
  const rejections = ['user_already_exists', 'user_not_found', 'already_paid', 'order_closed']
  const expected = [...user, ...order, 'sensor.process', ...rejections]
  expect([...outcomes.keys()]).toEqual(expect.arrayContaining(expected))
  for (const failure of ['handler_failed', 'invalid_input', 'invalid_data']) expect(outcomes.has(failure)).toBe(false)
})
