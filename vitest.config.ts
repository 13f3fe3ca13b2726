import { defineConfig, type TestUserConfig } from 'vitest/config'

/** Files in which calls to Redis and leases have their usual deadlines: one for each core. */
const TIMED = [
  'server/test/{backfill,bus,commands,ingest,lease,own,queries}/*.test.ts',
  'server/test/delivery/log/*.test.ts',
  'server/test/gateway/{commands,entities,event-socket,queries,streams}.test.ts',
]
/** Files that run whole deployments, a browser or a compiler, and wait for conditions as long as a busy machine needs. */
const HEAVY = [
  'load-tests/test/{crashes,exactness,ledger-fuzz,losses}.test.ts',
  '**/*.browser.test.ts',
  'server/test/supervisor/start.test.ts',
  'server/test/house/readme/readme.test.ts',
  'server/test/packages/*.test.ts',
]
/** Files that start processes and kill them. Most of their time they wait, for leases and clients to notice. */
const DEPLOYMENTS = ['**/*-processes.test.ts', 'load-tests/test/chaos.test.ts']
/** Files whose tests fail beside another one: what they measure is what a machine of their own does. */
const ALONE = [
  // A Sentinel that was held up for two seconds does nothing for the next thirty, and a node of a cluster is replaced.
  'server/test/bus/{cluster,outage,sentinel}.test.ts',
  'server/test/gateway/{admission,cluster,http,readiness}.test.ts',
  'server/test/commands/commands.test.ts',
]
/** Files that change what belongs to the whole process: its streams, signals and environment. */
const OWN_PROCESS = ['server/test/{cli,supervisor}/**/*.test.ts', 'load-tests/test/**/*.test.ts']

const NOT_TESTS = '**/node_modules/**'

/** Files of one process load the server once: half of them take less time than that. */
const ONE_PROCESS = { isolate: false, setupFiles: ['server/test/support/leave-as-found.ts'] }

/** Projects of one order run together, those of the next one after them. */
function project(name: string, groupOrder: number, test: TestUserConfig) {
  return { extends: true, test: { name, sequence: { groupOrder }, ...test } } as const
}

export default defineConfig({
  resolve: { tsconfigPaths: true },
  test: {
    testTimeout: 20_000,
    hookTimeout: 30_000,
    // A second, the default, is short for what has to come on a busy machine.
    expect: { poll: { timeout: 10_000 } },
    reporters: ['default'],
    projects: [
      project('timed', 0, {
        ...ONE_PROCESS,
        include: TIMED,
        exclude: [NOT_TESTS, ...DEPLOYMENTS, ...ALONE],
        maxWorkers: 2,
      }),
      // More at once than there are cores: they wait for Redis, clocks and processes half of their time.
      project('side by side', 1, {
        ...ONE_PROCESS,
        include: ['*/test/**/*.test.ts'],
        exclude: [NOT_TESTS, ...TIMED, ...HEAVY, ...DEPLOYMENTS, ...ALONE, ...OWN_PROCESS],
        maxWorkers: 3,
      }),
      // Each process they start compiles the sources, beside two others.
      project('own process', 1, {
        ...ONE_PROCESS,
        include: OWN_PROCESS,
        exclude: [NOT_TESTS, ...HEAVY, ...DEPLOYMENTS, ...ALONE],
        testTimeout: 60_000,
        maxWorkers: 3,
      }),
      project('heavy', 2, { ...ONE_PROCESS, include: HEAVY, testTimeout: 60_000, maxWorkers: 2 }),
      project('deployments', 3, { ...ONE_PROCESS, include: DEPLOYMENTS, testTimeout: 60_000, maxWorkers: 2 }),
      project('alone', 4, { ...ONE_PROCESS, include: ALONE, testTimeout: 60_000, maxWorkers: 1 }),
    ],
  },
})
