import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ClientOptions, createClient, type TidegateClient } from '@tidegate/client/node'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { REPOSITORY } from '../../../scripts/source-files.ts'
import { defineConfig, topic } from '../../src/index.ts'
import { useGateway } from '../support/use-gateway.ts'

const server = await useGateway()
const warnings: string[] = []
const opened: TidegateClient[] = []
const open = (options: ClientOptions) => {
  const client = createClient(options)
  opened.push(client)
  return client
}

beforeAll(() => void vi.spyOn(console, 'warn').mockImplementation((text) => warnings.push(text)))
afterAll(async () => {
  vi.restoreAllMocks()
  await Promise.all(opened.map((client) => client.close({ deadlineMs: 0 })))
})

const AsyncFunction = (async () => {}).constructor as new (
  ...parts: string[]
) => (...given: unknown[]) => Promise<unknown>

/** Code and message of every line of the tables. */
const MISTAKES = [
  ...readFileSync(join(REPOSITORY, 'docs/mistakes.md'), 'utf8').matchAll(/^\| `(.+)` \| (.+) \|$/gm),
].map(([, code, message]) => [code!, message!] as const)
const SURROUNDINGS = {
  url: server.url,
  createClient: open,
  client: open({ url: server.url }),
  reading: { sensorId: 's', temperature: 21.5, humidity: 40 },
  schema: z.object({ id: z.string(), n: z.number() }),
  ...{ defineConfig, topic },
}

test('the page of mistakes - has at least 30', () => {
  expect(MISTAKES.length).toBeGreaterThanOrEqual(30)
})

test.each(MISTAKES)('C-ERROR-2 C-ARG-1 C-ARG-2 K-CHECK-15 %s - says: %s', async (code, message) => {
  warnings.length = 0
  // A line of several statements.
  const body = code.includes(';') ? code : `return ${code}`
  const run = new AsyncFunction(...Object.keys(SURROUNDINGS), body)
  let said = ''
  try {
    await run(...Object.values(SURROUNDINGS))
  } catch (error) {
    said = (error as Error).message
  }
  if (said === '') await expect.poll(() => warnings.join()).not.toBe('')
  expect(said || warnings.join()).toContain(message)
})
