import { describe, expect, test } from 'vitest'
import { findCycle, importGraph, type Module, reachable } from '../../../scripts/import-graph.ts'
import { BUS_INTERNALS, namesRedis } from '../../../scripts/redis-names.ts'
import { sourceFiles } from '../../../scripts/source-files.ts'

const graph = importGraph()
const modulesOf = (folder: string) => [...graph.values()].filter(({ path }) => path.startsWith(folder))

/** `module imports what`, for every import that is not allowed. */
function offences(modules: readonly Module[], isAllowed: (imported: string, module: Module) => boolean): string[] {
  return modules.flatMap((module) =>
    [...module.modules, ...module.packages]
      .filter((imported) => !isAllowed(imported, module))
      .map((imported) => `${module.path} imports ${imported}`),
  )
}

const sourcesOf = (folder: string) => sourceFiles('.ts').filter(({ path }) => path.startsWith(folder))
const namingNode = (folder: string) =>
  sourcesOf(folder)
    .filter(({ text }) => /'node:/.test(text))
    .map(({ path }) => path)

/** Codecs of record batches, names of logs and hashes, and where a key belongs. */
const PURE_OF_THE_BUS = [
  'CorruptBatch',
  'ANSWERS_HASH',
  'BUILT_HASH',
  'ANSWERS_PREVIOUS_HASH',
  'ANSWERS_TOPIC',
  'CANARY_TOPIC',
  'COMMANDS_TOPIC',
  'BatchReader',
  'decodeEvents',
  'eventPattern',
  'jsonPatterns',
  'encodeEvent',
  'hashOf',
  'encodeLetter',
  'deadLetterTopic',
  'foldedName',
  'LETTER_TOO_DEEP',
  'originOfDeadLetters',
  'RecordBatchBuilder',
  'MAX_BATCH_BYTES',
  'LOG_START',
  'OUTBOX_HASH',
  'currentHash',
  'entityHash',
  'indexMember',
  'indexSet',
  'keyOfMember',
  'keyOfTrail',
  'partialsTopic',
  'partitionOf',
  'traceMembers',
  'trailList',
  'windowHash',
  'windowOfPartials',
]

describe('imports', () => {
  test('modules - no cycle', () => {
    expect(findCycle(graph)).toBeUndefined()
  })

  test('findCycle - names the way round', () => {
    const module = (path: string, ...modules: string[]): [string, Module] => [path, { path, modules, packages: [] }]
    const round = new Map([module('a', 'b', 'c'), module('b'), module('c', 'b', 'd'), module('d', 'c')])
    expect(findCycle(round)).toEqual(['c', 'd', 'c'])
  })

  test('protocol - imports nothing', () => {
    expect(offences(modulesOf('protocol/'), (imported) => imported.startsWith('protocol/src/'))).toEqual([])
  })

  test('client-sdk - imports the protocol; ws only for Node, React only for its hooks', () => {
    const allowed = (imported: string, { path }: Module) =>
      imported.startsWith('client-sdk/src/') ||
      imported === 'protocol/src/index.ts' ||
      (imported === 'ws' && path === 'client-sdk/src/connection/node-socket.ts') ||
      (imported === 'react' && path.startsWith('client-sdk/src/react/'))
    expect(offences(modulesOf('client-sdk/'), allowed)).toEqual([])
  })

  test('C-READER-1 client-sdk - an entry that only subscribes loads nothing of publishing, commands, entities and presence', () => {
    const loaded = [...reachable(graph, 'client-sdk/src/subscribe-node.ts')]
    expect(loaded).toContain('client-sdk/src/subscriptions/subscription.ts')
    const others = /\/(publishing|outbox-store|commands|entities|presence)\//
    expect(loaded.filter((path) => others.test(path))).toEqual([])
  })

  test('client-sdk - the machine of the connection is pure: it reads no clock and no chance, and opens nothing', () => {
    const machine = reachable(graph, 'client-sdk/src/connection/machine/machine.ts')
    expect(machine).toContain('client-sdk/src/connection/machine/leaving.ts')
    const impure = sourceFiles('.ts').filter(
      ({ path, text }) =>
        machine.has(path) && /\b(setTimeout|Date\.now|performance\.now|Math\.random|new \w*Socket)\b/.test(text),
    )
    expect(impure.map(({ path }) => path)).toEqual([])
  })

  test('dashboard - imports the SDK, the protocol and uPlot; of the server it knows types alone', () => {
    const allowed = (imported: string) =>
      imported.startsWith('dashboard/src/') ||
      ['client-sdk/src/index.ts', 'protocol/src/index.ts', 'server/src/gateway/index.ts', 'uplot'].includes(imported)
    expect(offences(modulesOf('dashboard/src/'), allowed)).toEqual([])
    const values = sourcesOf('dashboard/src/').filter(({ text }) =>
      /^(?:import|export)(?! type)[^']*'[^']*server\/src/m.test(text),
    )
    expect(values.map(({ path }) => path)).toEqual([])
  })

  test('operators - do no input or output: they know the contract and the protocol', () => {
    const allowed = (imported: string) =>
      imported.startsWith('server/src/operators/') ||
      [
        'server/src/config/contract/model.ts',
        'server/src/config/contract/quantile-name.ts',
        'server/src/assert-never.ts',
        'protocol/src/index.ts',
      ].includes(imported)
    expect(offences(modulesOf('server/src/operators/'), allowed)).toEqual([])
    expect(namingNode('server/src/operators/')).toEqual([])
  })

  test.each([
    ['fold', /^server\/src\/(fold|operators|config)\/|^server\/src\/entities\/index\.ts$/, []],
    // Hashes are pure.
    ['entities', /^server\/src\/(entities|config)\//, ["'node:crypto'"]],
  ])('%s - does no input or output: of the bus it knows types, codecs and names', (folder, own, ofNode) => {
    const path = `server/src/${folder}/`
    const allowed = (imported: string) =>
      own.test(imported) ||
      [
        'server/src/bus/index.ts',
        'server/src/assert-never.ts',
        'server/src/data-depth.ts',
        'server/src/exceeds.ts',
        'server/src/json-fields.ts',
        'server/src/json-string.ts',
        'protocol/src/index.ts',
      ].includes(imported)
    expect(offences(modulesOf(path), allowed)).toEqual([])
    const named = sourcesOf(path).flatMap(({ text }) => [...text.matchAll(/'node:[^']*'/g)].map(([name]) => name))
    expect(named.filter((name) => !ofNode.includes(name))).toEqual([])
    const used = sourcesOf(path).flatMap(({ text }) =>
      [...text.matchAll(/^import \{([^}]*)\} from '\.\.\/bus\/index\.ts'/gm)].flatMap(([, names]) => names!.split(',')),
    )
    const values = new Set(used.map((name) => name.trim()).filter((name) => name !== '' && !name.startsWith('type ')))
    expect([...values].filter((name) => !PURE_OF_THE_BUS.includes(name))).toEqual([])
  })

  test.each([
    ['ioredis', 'server/src/bus/'],
    ['bullmq', 'server/src/bus/jobs/'],
    ['uWebSockets.js', 'server/src/gateway/transport/uws/'],
    ['ws', 'server/src/gateway/transport/node/'],
  ])('server - %s is named only by %s', (name, owner) => {
    const namedBy = modulesOf('server/').filter(({ packages }) => packages.includes(name))
    expect(namedBy.length).toBeGreaterThan(0)
    expect(namedBy.filter(({ path }) => !path.startsWith(owner))).toEqual([])
  })

  test.each([
    ['gateway', 'server/src/gateway-app.ts', 'bullmq', /^server\/src\/(fold|lease|own|backfill)\//],
    ['worker', 'server/src/worker-app.ts', 'uWebSockets.js', /^server\/src\/gateway\//],
  ])('%s process - loads nothing of the other', (_, root, foreignPackage, foreignFolders) => {
    const loaded = [...reachable(graph, root)].flatMap((path) => graph.get(path) ?? [])
    expect(loaded.length).toBeGreaterThan(10)
    expect(loaded.filter(({ packages }) => packages.includes(foreignPackage))).toEqual([])
    expect(loaded.filter(({ path }) => foreignFolders.test(path))).toEqual([])
  })

  test('server - a folder with an index is entered only through it', () => {
    const owners = [...graph.keys()]
      .filter((path) => /^server\/src\/.+\/index\.ts$/.test(path))
      .map((path) => path.slice(0, -'index.ts'.length))
    const nearest = (path: string) =>
      owners
        .filter((owner) => path.startsWith(owner))
        .reduce((longest, owner) => (owner.length > longest.length ? owner : longest), '')
    const entersAside = (imported: string, { path }: Module) => {
      const owner = nearest(imported)
      return owner !== '' && imported !== `${owner}index.ts` && !path.startsWith(owner)
    }
    expect(offences(modulesOf('server/src/'), (imported, module) => !entersAside(imported, module))).toEqual([])
  })

  test.each([
    {
      folder: 'server/src/delivery',
      base: [],
      // The log and the queue know nothing of each other.
      below: {
        wire: [],
        log: ['wire'],
        queue: ['wire'],
        subscription: ['wire', 'log', 'queue'],
        cohort: ['wire', 'log', 'queue', 'subscription'],
      },
    },
    {
      folder: 'server/src/bus',
      base: ['connection-fault.ts', 'deadline.ts', 'errors.ts', 'hash-name.ts', 'heartbeat.ts', 'keys.ts'],
      below: {
        route: [],
        redis: ['route'],
        calls: ['redis'],
        nodes: ['calls', 'redis', 'route'],
        log: ['calls', 'nodes', 'redis'],
        batch: ['log'],
        contract: ['log', 'redis'],
        ledger: ['calls', 'contract', 'log', 'nodes', 'redis'],
        entities: ['batch', 'log', 'nodes', 'redis'],
        reports: ['contract', 'nodes', 'redis'],
      },
    },
    {
      folder: 'server/src/config',
      base: ['checked-option.ts', 'config-error.ts', 'defaults.ts', 'duration.ts', 'inherited-name.ts'],
      below: {
        settings: [],
        schema: [],
        access: [],
        contract: ['access', 'schema'],
        declarations: ['access', 'contract'],
        topics: ['contract', 'declarations', 'schema'],
        windows: ['contract', 'declarations', 'schema', 'topics'],
        entities: ['contract', 'declarations', 'schema'],
        changes: ['contract'],
      },
    },
    {
      folder: 'server/src/cli',
      base: [],
      // Rooms of commands know nothing of each other.
      below: {
        terminal: [],
        usage: ['terminal'],
        processes: ['terminal', 'usage'],
        deployment: ['terminal'],
        inspect: ['deployment', 'processes', 'terminal', 'usage'],
        events: ['deployment', 'terminal', 'usage'],
        storage: ['deployment', 'processes', 'terminal', 'usage'],
        entities: ['deployment', 'terminal', 'usage'],
        windows: ['deployment', 'terminal', 'usage'],
        access: ['deployment', 'terminal', 'usage'],
        project: ['deployment', 'terminal', 'usage'],
      },
    },
    {
      folder: 'client-sdk/src',
      base: ['backoff.ts', 'longest-timer.ts', 'random-id.ts', 'utf8-bytes.ts'],
      below: {
        errors: [],
        application: [],
        frames: ['errors'],
        'connection/machine': ['errors', 'frames'],
        connection: ['application', 'errors', 'frames'],
        reads: ['application', 'connection', 'errors', 'frames'],
        subscriptions: ['application', 'connection', 'errors', 'frames', 'reads'],
        publishing: ['application', 'connection', 'errors', 'frames'],
        'outbox-store': ['application', 'errors', 'frames', 'publishing'],
        commands: ['application', 'connection', 'errors', 'frames', 'publishing'],
        entities: ['application', 'commands', 'errors', 'reads', 'subscriptions'],
        presence: ['application', 'errors', 'subscriptions'],
      },
    },
  ])('$folder - its rooms stand on each other in one order', ({ folder, base, below }) => {
    const path = `${folder}/`
    for (const [room, others] of Object.entries(below)) {
      const modules = modulesOf(`${path}${room}/`)
      expect(modules.length).toBeGreaterThan(0)
      const lower = [...base, `${room}/`, ...others.map((name) => `${name}/`)].map((name) => `${path}${name}`)
      const reachesUp = (imported: string) =>
        imported.startsWith(path) && !lower.some((name) => imported.startsWith(name))
      expect(offences(modules, (imported) => !reachesUp(imported))).toEqual([])
    }
  })

  test('commands - know the contract, callers and limits, the bus, what entities say, and the append of ingest; nothing of sockets', () => {
    const allowed = (imported: string) =>
      /^server\/src\/(commands|config|observability)\//.test(imported) ||
      [
        'server/src/access/index.ts',
        'server/src/bus/index.ts',
        'server/src/entities/index.ts',
        'server/src/ingest/index.ts',
        'server/src/limits/index.ts',
        'server/src/tracing/index.ts',
        'server/src/clock.ts',
        'server/src/data-depth.ts',
        'server/src/exceeds.ts',
        'server/src/json-fields.ts',
        'server/src/json-string.ts',
        'protocol/src/index.ts',
      ].includes(imported)
    expect(offences(modulesOf('server/src/commands/'), allowed)).toEqual([])
  })

  test('presence - knows the contract, callers and the bus; nothing of sockets, subscriptions and owners', () => {
    const allowed = (imported: string) =>
      /^server\/src\/(presence|config|observability)\//.test(imported) ||
      [
        'server/src/access/index.ts',
        'server/src/bus/index.ts',
        'server/src/clock.ts',
        'server/src/exceeds.ts',
        'protocol/src/index.ts',
      ].includes(imported)
    expect(offences(modulesOf('server/src/presence/'), allowed)).toEqual([])
  })

  test('server - nothing of Redis leaves the bus: no connection, key, script or address', () => {
    const index = sourceFiles('.ts').find(({ path }) => path === 'server/src/bus/index.ts')!.text
    expect(BUS_INTERNALS.exec(index)?.[0]).toBeUndefined()
    const named = sourceFiles('.ts', '.js').filter(
      (file) => /^server\/(src|bin)\//.test(file.path) && !file.path.startsWith('server/src/bus/') && namesRedis(file),
    )
    expect(named.map(({ path }) => path)).toEqual([])
    // Those who start Redis or are told where it is.
    const addressed = sourceFiles('.ts').filter(
      ({ path, text }) =>
        path.startsWith('server/src/') && !path.startsWith('server/src/bus/') && /\bredisUrl\b/.test(text),
    )
    expect(
      addressed
        .map(({ path }) => path)
        .filter((path) => !/^server\/src\/(config|cli|supervisor|gateway-app)\/|-app\.ts$/.test(path)),
    ).toEqual([])
  })

  test('server - only config reads the environment', () => {
    const readers = sourceFiles('.ts', '.js').filter(
      ({ path, text }) =>
        /^server\/(src|bin)\//.test(path) && !path.startsWith('server/src/config/') && /\bprocess\.env\b/.test(text),
    )
    expect(readers.map(({ path }) => path)).toEqual([])
  })
})
