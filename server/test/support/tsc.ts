import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const REPOSITORY = fileURLToPath(new URL('../../../', import.meta.url))

/** Reports to stderr what the process used: CPU time, so that what else runs on the machine does not count. */
const REPORT_CPU = `data:text/javascript,process.on('exit', () => console.error(process.cpuUsage().user))`

/**
 * Checks generated files with the repository's own tsc and options, in a folder of their own where `tidegate`, `zod`
 * and the other packages resolve as they do for a user.
 *
 * @param files path -> TypeScript source; they may import each other. One call checks many in little more time than one.
 * @returns CPU time in ms, all threads together.
 * @throws {Error} with tsc's output when it finds an error.
 */
export async function checkTypes(files: Readonly<Record<string, string>>): Promise<number> {
  const cache = join(REPOSITORY, 'node_modules/.cache')
  await mkdir(cache, { recursive: true })
  const folder = await mkdtemp(join(cache, 'tidegate-types-'))
  try {
    for (const [name, source] of Object.entries(files)) {
      await mkdir(dirname(join(folder, name)), { recursive: true })
      await writeFile(join(folder, name), source)
    }
    // `exclude` of the repository would leave out this very folder.
    const project = { extends: join(REPOSITORY, 'tsconfig.json'), include: [folder], exclude: [] }
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(project))
    const tsc = join(REPOSITORY, 'node_modules/typescript/bin/tsc')
    const run = promisify(execFile)(process.execPath, ['--import', REPORT_CPU, tsc, '--noEmit', '-p', folder])
    const { stderr } = await run.catch((failed: { stdout: string }) => {
      throw new Error(`tsc refused the generated files:\n${failed.stdout}`)
    })
    return Math.round(Number(stderr) / 1_000)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
