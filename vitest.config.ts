import { defineConfig } from 'vitest/config'

/** Files whose tests kill processes, measure times or saturate the machine: they run after the others, one at a time. */
const ALONE = [
  'load-tests/test/{chaos,crashes,exactness,ledger-fuzz}.test.ts',
  '**/*.browser.test.ts',
  '**/*-processes.test.ts',
  'server/test/supervisor/start.test.ts',
  'server/test/bus/outage.test.ts',
  'server/test/gateway/{admission,http,readiness}.test.ts',
  'server/test/commands/commands.test.ts',
]

export default defineConfig({
  test: {
    testTimeout: 20_000,
    hookTimeout: 30_000,
    reporters: ['default'],
    projects: [
      {
        extends: true,
        test: {
          name: 'side by side',
          include: ['*/test/**/*.test.ts'],
          exclude: ['**/node_modules/**', ...ALONE],
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      { extends: true, test: { name: 'alone', include: ALONE, maxWorkers: 1, sequence: { groupOrder: 1 } } },
    ],
  },
})
