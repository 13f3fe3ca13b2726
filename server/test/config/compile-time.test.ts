import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'

const REPOSITORY = fileURLToPath(new URL('../../../', import.meta.url))
const TOPICS = 400
const MAX_ADDED_MS = 3_000

let folder: string

beforeAll(async () => {
  // Inside the repository, so that the generated configs resolve `tidegate` and `zod` as a user's would.
  const cache = join(REPOSITORY, 'node_modules/.cache')
  await mkdir(cache, { recursive: true })
  folder = await mkdtemp(join(cache, 'tidegate-types-'))
})

afterAll(() => rm(folder, { recursive: true, force: true }))

test('types - 400 topics add at most 3 s to tsc (K-TYPE-6)', { timeout: 120_000 }, async () => {
  const none = await checkTimeMs('none', configSource(0))
  const many = await checkTimeMs('many', configSource(TOPICS / 4))
  const addedMs = many - none
  console.log(`tsc: no topics ${none} ms, ${TOPICS} topics ${many} ms of CPU, added ${addedMs} ms`)
  expect(addedMs).toBeLessThanOrEqual(MAX_ADDED_MS)
})

/** Groups of four topics - a source, a window, a flow and an alert - and a reader of the whole config's types. */
function configSource(groups: number): string {
  const names: string[] = []
  const lines = Array.from({ length: groups }, (_, i) => {
    names.push(`source${i}`, `window${i}`, `flow${i}`, `alert${i}`)
    return `
const source${i} = topic('shop.source_${i}', {
  schema: z.object({ id: z.string(), amount${i}: z.number(), note: z.string().optional(), tags: z.array(z.string()) }),
  key: 'id', priority: (d) => (d.amount${i} > 1000 ? 'high' : 'low'), retention: '24h',
})
const window${i} = source${i}.window('shop.window_${i}', {
  tumbling: '10s', aggregate: { sum: { sum: 'amount${i}' }, max: { max: 'amount${i}' }, count: 'count' },
})
const flow${i} = source${i}.map((d) => ({ ...d, twice: d.amount${i} * 2 })).filter((d) => d.twice > ${i})
  .to('shop.flow_${i}', { version: 1 })
const alert${i} = window${i}.filter((pane) => pane.value.sum > ${i}).to('shop.alert_${i}', { version: 1 })`
  })
  return `import { defineConfig, topic } from 'tidegate'
import { z } from 'zod'
export { topic, z }
${lines.join('\n')}
export const config = defineConfig({ topics: [${names.join(', ')}] })
export type Topics = (typeof config)['~topics']
// @ts-expect-error the topic is not known
export type Unknown = Topics['shop.nope']
${groups > 0 ? `export const sum: number = null! as Topics['shop.alert_${groups - 1}']['data']['value']['sum']` : ''}
`
}

/** Reports to stderr what the process used: CPU time, so that what else runs on the machine does not count. */
const REPORT_CPU = `data:text/javascript,process.on('exit', () => console.error(process.cpuUsage().user))`

/** CPU time of the repository's own tsc over one file, all its threads together. */
async function checkTimeMs(name: string, source: string): Promise<number> {
  const file = join(folder, `${name}.ts`)
  const project = join(folder, `${name}.json`)
  await writeFile(file, source)
  // `exclude` of the repository would leave out this very folder.
  await writeFile(project, JSON.stringify({ extends: join(REPOSITORY, 'tsconfig.json'), include: [file], exclude: [] }))
  const tsc = join(REPOSITORY, 'node_modules/typescript/bin/tsc')
  const run = promisify(execFile)(process.execPath, ['--import', REPORT_CPU, tsc, '--noEmit', '-p', project])
  const { stderr } = await run.catch((failed: { stdout: string }) => {
    throw new Error(`tsc refused the generated config:\n${failed.stdout}`)
  })
  return Math.round(Number(stderr) / 1_000)
}
