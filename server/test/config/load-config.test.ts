import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { defaultConfigPath, loadConfig } from '../../src/config/load-config.ts'
import demo from '../../src/demo/demo.config.ts'

const DEFINE_CONFIG = fileURLToPath(new URL('../../src/index.ts', import.meta.url))

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(fileURLToPath(new URL('../../../node_modules/tidegate-config-', import.meta.url)))
})

afterAll(() => rm(folder, { recursive: true, force: true }))

async function written(name: string, source: string): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, source)
  return path
}

describe('loadConfig', () => {
  test('defaultConfigPath - is tidegate.config.ts of the directory, else the built-in demo', async () => {
    expect((await loadConfig(defaultConfigPath(folder))).contract.hash).toBe(demo.contract.hash)
    const own = await written('tidegate.config.ts', `export { default } from '../../examples/tidegate.config.ts'`)
    expect(defaultConfigPath(folder)).toBe(own)
  })

  test('K-CHECK-1 loadConfig - what is wrong with the topics comes through as it is', async () => {
    const path = await written(
      'wrong.config.ts',
      `import { defineConfig, topic } from '${DEFINE_CONFIG}'
       import { z } from 'zod'
       export default defineConfig({ topics: [topic('Bad', { schema: z.object({ id: z.string() }), key: 'id' })] })`,
    )
    await expect(loadConfig(path)).rejects.toMatchObject({ name: 'ConfigError', problems: [{ code: 'bad_name' }] })
  })

  test('loadConfig - a file that fails keeps its cause', async () => {
    const path = await written('broken.config.ts', `throw new TypeError('half written')`)
    await expect(loadConfig(path)).rejects.toMatchObject({
      message: expect.stringMatching(/broken\.config\.ts cannot be loaded: half written/),
      cause: expect.objectContaining({ name: 'TypeError' }),
    })
  })
})
