import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { REPOSITORY } from '../../../../scripts/source-files.ts'
import { runReadme } from './runner.ts'
import { PAGES, readmeSteps } from './steps.ts'

const fence = '```'

describe('readmeSteps', () => {
  test('sh blocks - run in order, without what the test itself runs under', () => {
    const markdown = `${fence}sh\ngit clone https://example.com/x\nnpm ci && npm start\n${fence}\n${fence}sh\nnpm ci && npm test\n${fence}\n`
    expect(readmeSteps(markdown)).toEqual([{ kind: 'run', commands: 'npm start', prints: '', backgroundPrints: '' }])
  })

  test('other blocks - are only shown, unless they are named as a file', () => {
    const block = `${fence}ts\nhello()\n${fence}\n`
    expect(readmeSteps(block)).toEqual([])
    expect(readmeSteps(`<!-- readme: file a.ts -->\n${block}`)).toEqual([
      { kind: 'file', name: 'a.ts', text: 'hello()\n' },
    ])
  })

  test('output - is what the commands before it print', () => {
    const output = `<!-- readme: output -->\n${fence}json\n{}\n${fence}\n`
    const block = `${fence}sh\necho {}\n${fence}\n\n${output}`
    expect(readmeSteps(block)).toEqual([{ kind: 'run', commands: 'echo {}', prints: '{}\n', backgroundPrints: '' }])
    expect(() => readmeSteps(output)).toThrow('stands behind no commands')
  })

  test('skip - needs a reason', () => {
    const block = `${fence}sh\ndocker compose up\n${fence}\n`
    expect(readmeSteps(`<!-- readme: skip, needs an engine -->\n${block}`)).toEqual([])
    expect(() => readmeSteps(`<!-- readme: skip -->\n${block}`)).toThrow('<!-- readme: skip --> is not understood')
  })
})

describe('runReadme', () => {
  const readme = (prints: string) => `
<!-- readme: file greeting.txt -->
${fence}text
good morning :8080
${fence}
<!-- readme: background until "listening" -->
${fence}sh
echo listening; until [ -e said ]; do sleep 0.05; done; cat greeting.txt; exec sleep 60
${fence}
<!-- readme: background prints "good morning :" -->
${fence}sh
touch said
${fence}
<!-- readme: prints "${prints}" -->
${fence}sh
# the port is the one tidegate listens on
grep -q ":$TIDEGATE_PORT" greeting.txt && test -e package.json && echo fine
${fence}
`

  test('a README - is executed block by block, and its background ended', async () => {
    await runReadme(readmeSteps(readme('fine')))
  })

  test('a README - whose output is another fails with that output', async () => {
    await expect(runReadme(readmeSteps(readme('excellent')))).rejects.toThrow(/did not print excellent:\nfine/)
  })

  test('a README - whose command fails fails', async () => {
    await expect(runReadme(readmeSteps(`${fence}sh\necho oops >&2; exit 3\n${fence}\n`))).rejects.toThrow(
      /with 3:\noops/,
    )
  })
})

test.each(PAGES)('%s - its commands work as written', { timeout: 240_000 }, async (path) => {
  const steps = readmeSteps(readFileSync(join(REPOSITORY, path), 'utf8'))
  expect(steps.length).toBeGreaterThan(0)
  await runReadme(steps)
})
