import { randomInt } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Rights } from '../../src/access/index.ts'
import { ANSWERS_TOPIC, currentHash, entityHash, indexSet, partitionOf, trailList } from '../../src/bus/index.ts'
import { keys } from '../../src/bus/keys.ts'
import { progressOf, rebuildEntities } from '../../src/cli/entities/entity-rebuild.ts'
import { type Built, decodeRecord } from '../../src/entities/index.ts'
import { answerQuery, Queries } from '../../src/queries/index.ts'
import { type RunningWorker, startWorker } from '../../src/worker-app.ts'
import { EntityDeployment, type SentCommand } from '../support/entities.ts'
import { useBus, useRedis } from '../support/use-redis.ts'
import { byOwner, byTag, type DocChanges, docsContract } from './docs-entity.ts'

const PARTITIONS = 2
const TAGS = ['red', 'green', 'blue']
const OWNERS = ['ann', 'bob']
const { server, redis } = await useRedis()
const opened = useBus(server, PARTITIONS)
const seed = randomInt(1_000_000)
let deployment: EntityDeployment
let workers = 0
let ids = 0
let logged: string[]

beforeEach(() => {
  deployment = new EntityDeployment(opened.bus)
  logged = []
})

afterEach(() => vi.restoreAllMocks())

type DocContract = ReturnType<typeof docsContract>

async function start(contract: DocContract): Promise<RunningWorker> {
  // The claim of the one before would have to be waited for.
  await redis.del(keys.contractLive)
  const settings = { redisUrl: server.url, partitions: PARTITIONS, workerId: `w-${workers++}` }
  return startWorker({ ...settings, log: (line) => logged.push(line) }, contract)
}

/** A worker of a contract runs meanwhile. */
async function under<Result>(contract: DocContract, body: () => Promise<Result>): Promise<Result> {
  const worker = await start(contract)
  return body().finally(() => worker.close({ deadlineMs: 2_000 }))
}

const edit = (key: string, input: object): SentCommand => ({
  id: `c-${ids++}`,
  key,
  entity: 'doc',
  command: 'edit',
  input,
})

async function run(commands: readonly SentCommand[]) {
  await deployment.send(commands)
  return deployment.answered(commands.map(({ id }) => id))
}

const partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition)

function builds(): Promise<(Built | undefined)[]> {
  const read = async (partition: number) => {
    const text = await opened.bus.entities(partition, 'query').built('doc')
    return text === undefined ? undefined : (JSON.parse(text) as Built)
  }
  return Promise.all(partitions.map(read))
}

/** A partition without entities has nothing to say. */
const isBuilt = async (version = 1) =>
  (await builds()).every((built) => built === undefined || (built.isDone && built.version === version))
const built = (version?: number) => expect.poll(() => isBuilt(version), { timeout: 10_000, interval: 5 }).toBe(true)

/** Keys that an index has under a value; `rebuilding` while that is not known. */
async function find(contract: DocContract, index: string, value: string): Promise<string[] | string> {
  const queries = new Queries(opened.bus, contract, () => 'none').of(Rights.EVERYTHING)
  const answer = await answerQuery(queries, 'findEntities', { name: 'doc', index, value, limit: 100 })
  return answer.type === 'error' ? answer.code : (answer.data as { key: string }[]).map(({ key }) => key).sort()
}

/** Everything that Redis has of the entities, but for logs. */
async function stored() {
  const hashes = [entityHash('doc'), ...['tag', 'owner'].map((index) => indexSet('doc', index))]
  const dumps = partitions.flatMap((partition) =>
    hashes.map(async (name) => {
      const key = keys.owned(partition, name)
      return (await redis.type(key)) === 'zset' ? redis.zrange(key, '0', '-1') : redis.hgetall(key)
    }),
  )
  return Promise.all(dumps)
}

/** What the latest published states are, by key. */
async function shown(): Promise<Record<string, unknown>> {
  const pages = await Promise.all(
    partitions.map((partition) =>
      opened.bus.results(partition, 'query').page('doc.state', '0', { results: 1_000, bytes: 1_000_000 }),
    ),
  )
  return Object.fromEntries(
    pages.flatMap(({ results }) => results.map(({ key, json }) => [key, JSON.parse(json).data])),
  )
}

async function textOf(topic: string): Promise<string> {
  const ofKeys = partitions.map((partition) => redis.hvals(keys.owned(partition, currentHash(topic))))
  return JSON.stringify([await deployment.events(topic), await Promise.all(ofKeys)])
}

describe(`rebuilding entities (seed ${seed})`, () => {
  test('E-REBUILD-1 E-REBUILD-2 Q-ENTITY-11 after each change of the definition index queries are those of a scan, or `rebuilding` before, whatever ends owners', async () => {
    const docKeys = Array.from({ length: 40 }, (_, i) => `d-${i}`)
    const states = new Map<string, { tag: string; owner: string }>()
    const random = randomOf(seed)
    const randomEdits = (count: number) =>
      Array.from({ length: count }, () => {
        const key = docKeys[random(docKeys.length)]!
        const input = random(2) === 0 ? { tag: TAGS[random(3)]! } : { owner: OWNERS[random(2)]! }
        states.set(key, { tag: '', owner: '', ...states.get(key), ...input })
        return edit(key, input)
      })
    const expected = (indexes: NonNullable<DocChanges['indexes']>, index: string, value: string) =>
      [...states]
        .filter(([, state]) => indexes[index]!({ ...state, secret: '' }) === value)
        .map(([key]) => key)
        .sort()
    const upper = { tag: ({ tag }: { tag: string }) => (tag === '' ? undefined : tag.toUpperCase()) }
    const changes: readonly DocChanges[] = [
      { indexes: { tag: byTag } },
      { indexes: { tag: byTag, owner: byOwner } },
      { indexes: upper },
      { indexes: { tag: byTag, owner: byOwner }, view: ({ tag }) => ({ tag }) },
      { version: 2, indexes: { tag: byTag, owner: byOwner }, upcast: (data) => data },
    ]
    for (const change of changes) {
      const contract = docsContract(change)
      const indexes = change.indexes!
      const values = [...TAGS, ...TAGS.map((tag) => tag.toUpperCase()), ...OWNERS]
      const look = async (allowed: readonly string[]) => {
        for (const index of Object.keys(indexes)) {
          for (const value of values) {
            const found = await find(contract, index, value)
            if (typeof found === 'string') expect(allowed).toContain(found)
            else expect([index, value, found]).toEqual([index, value, expected(indexes, index, value)])
          }
        }
      }
      // No owner has seen the change.
      await look(states.size === 0 ? [] : ['rebuilding'])
      // An owner ends in the middle.
      await under(contract, () => look(['rebuilding']))
      await under(contract, async () => {
        await run(randomEdits(30))
        await built(change.version)
        await look([])
        const views = await shown()
        const view = change.view ?? ((state: object) => state)
        for (const [key, state] of states) {
          expect([key, views[key]]).toMatchObject([key, { state: view({ secret: '', ...state }) }])
        }
      })
    }
    // Nothing is left of what no index has any more.
    for (const key of docKeys.filter((key) => states.has(key))) {
      const { stored: record, folded } = await deployment.states(docsContract(changes.at(-1)).entities.get('doc')!, key)
      expect(record).toEqual(folded)
    }
  }, 40_000)

  test('E-REBUILD-3 nothing that a tighter view or `public` hides can be read once an owner has it', async () => {
    const docKeys = Array.from({ length: 300 }, (_, i) => `d-${i}`)
    const loose = docsContract({ public: ({ data }) => data })
    await under(loose, () => run(docKeys.map((key) => edit(key, { tag: 'red', secret: 'mArKeR' }))))
    expect(await textOf('doc.state')).toContain('mArKeR')
    expect(await textOf('doc.events')).toContain('mArKeR')
    const tight = docsContract({ view: ({ tag }) => ({ tag }), public: () => undefined })
    await under(tight, async () => {
      await expect.poll(async () => (await builds()).every((each) => each!.run > 1), { interval: 1 }).toBe(true)
      expect(await textOf('doc.events')).not.toContain('mArKeR')
      expect(await textOf('doc.state')).not.toContain('mArKeR')
      await built()
      expect(Object.keys(await shown())).toHaveLength(docKeys.length)
      expect(await textOf('doc.state')).not.toContain('mArKeR')
    })
  })

  test('E-REBUILD-4 E-REBUILD-5 X-ENTITY-9 by hand everything is folded anew, to what it is folded to lazily; what is right costs no write, and what fails is counted', async () => {
    const out = vi.spyOn(process.stdout, 'write').mockReturnValue(true)
    vi.spyOn(process.stderr, 'write').mockReturnValue(true)
    const rebuild = async (contract: DocContract) => {
      out.mockClear()
      const code = await rebuildEntities(server.url, contract, 'doc', { json: true })
      const { partitions: _, ...counts } = JSON.parse(out.mock.calls.map(([text]) => text).join(''))
      return { code, ...counts }
    }
    let mark = ''
    let fails = (_owner: string) => false
    const evolve: DocChanges['evolve'] = (state, data) => {
      if (fails(data.owner ?? '')) throw new Error('no such owner')
      return { ...state, ...data, tag: `${data.tag ?? state.tag}${mark}` }
    }
    const contract = docsContract({ evolve })
    const docKeys = Array.from({ length: 40 }, (_, i) => `d-${i}`)
    await under(contract, async () => {
      await run(docKeys.map((key, i) => edit(key, { tag: 'red', owner: `o-${i}` })))
      expect(await rebuild(contract)).toMatchObject({ code: 0, entities: 40, rebuilt: 0, unchanged: 40, failed: 0 })
      // Something that the functions of the entity call has changed: nobody sees that.
      mark = '!'
      expect(await find(contract, 'tag', 'red!')).toEqual([])
      expect(await rebuild(contract)).toMatchObject({ code: 0, entities: 40, rebuilt: 40, unchanged: 0, failed: 0 })
      expect(await find(contract, 'tag', 'red!')).toHaveLength(40)
    })
    const eager = await stored()
    // The same, as each is loaded: its record is of another definition.
    for (const key of docKeys) {
      const hash = keys.owned(partitionOf(key, PARTITIONS), entityHash('doc'))
      const record = decodeRecord((await redis.hget(hash, key))!)
      await redis.hset(
        hash,
        key,
        JSON.stringify({ v: record.version, t: record.time, d: 0, s: {}, x: { tag: 'red!' } }),
      )
    }
    await under(contract, async () => {
      expect(await rebuild(contract)).toMatchObject({ rebuilt: 40, unchanged: 0, failed: 0 })
      expect(await stored()).toEqual(eager)
      fails = (owner) => owner === 'o-7'
      expect(await rebuild(contract)).toMatchObject({ code: 1, rebuilt: 0, unchanged: 39, failed: 1 })
      expect(await find(contract, 'tag', 'red!')).toHaveLength(39)
      expect(logged.join('\n')).toMatch(/rebuild of doc "d-7".*no such owner/s)
      fails = () => false
      expect(await rebuild(contract)).toMatchObject({ code: 0, rebuilt: 1, unchanged: 39, failed: 0 })
      expect(await stored()).toEqual(eager)
    })
  }, 20_000)

  test('X-ENTITY-9 the progress of a rebuild says what is done, where, and how long the rest takes', () => {
    const of = (seen: number, total: number): Built => ({
      ...{ version: 1, found: '', state: '', events: '', run: 1, isRefolded: true, isDone: seen === total },
      ...{ total, seen, written: 0, failed: 0, lookedAt: 0 },
    })
    const line = '2,500 of 4,000 entities, 1 of 3 partitions (1: 500/1000, 2: 1000/2000), about 3 s left'
    expect(progressOf([of(1_000, 1_000), of(500, 1_000), of(1_000, 2_000)], 5_000)).toBe(line)
  })

  test('E-REBUILD-6 commands are answered before entities are rebuilt', async () => {
    const docKeys = Array.from({ length: 800 }, (_, i) => `d-${i}`)
    await under(docsContract(), () => run(docKeys.map((key) => edit(key, { tag: 'red' }))))
    const contract = docsContract({ indexes: { tag: byTag, owner: byOwner } })
    const command = edit('d-3', { owner: 'ann' })
    await deployment.send([command])
    await under(contract, async () => {
      await deployment.answered([command.id])
      await built()
      expect(await find(contract, 'owner', 'ann')).toEqual(['d-3'])
      const partition = partitionOf('d-3', PARTITIONS)
      const answers = await opened.bus.log(partition, 'query').range(ANSWERS_TOPIC, '-', '+', 10_000)
      const answeredAt = Number(answers.at(-1)!.streamId.split('-')[0])
      expect((await builds())[partition]!.lookedAt).toBeGreaterThanOrEqual(answeredAt)
    })
  }, 20_000)

  test('E-ON-6 the trail of an entity with a history of an age is cut though nothing happens to it', async () => {
    const contract = docsContract({ history: '1s' })
    await under(contract, async () => {
      await run([edit('d-1', { tag: 'red' }), edit('d-1', { tag: 'blue' })])
      const list = keys.owned(partitionOf('d-1', PARTITIONS), trailList('doc', 'd-1'))
      await expect.poll(() => redis.llen(list), { timeout: 10_000 }).toBe(0)
      const queries = new Queries(opened.bus, contract, () => 'none').of(Rights.EVERYTHING)
      const ask = (moment: object) => answerQuery(queries, 'entity', { name: 'doc', key: 'd-1', ...moment })
      expect(await ask({})).toMatchObject({ data: { version: 2, view: { tag: 'blue' } } })
      expect(await ask({ version: 1 })).toMatchObject({ code: 'trimmed' })
      // Nothing has happened: nothing more is published.
      expect((await deployment.events('doc.state')).filter(({ key }) => key === 'd-1').length).toBeLessThan(3)
      const again = edit('d-1', { owner: 'ann' })
      expect((await run([again])).get(again.id)).toMatchObject([{ status: 'done', version: 3 }])
    })
  }, 20_000)
})

function randomOf(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return Math.floor((state / 2_147_483_648) * below)
  }
}
