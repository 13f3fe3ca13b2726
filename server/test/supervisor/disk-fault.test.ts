import { spawnSync } from 'node:child_process'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { dataFolder, diskFault, makeWritable } from '../../src/supervisor/disk-fault.ts'

const folder = await mkdtemp(join(tmpdir(), 'tidegate-disk-'))
afterAll(() => rm(folder, { recursive: true }))

const MODULE = fileURLToPath(new URL('../../src/supervisor/disk-fault.ts', import.meta.url))
/** A disk of our own, where the system lets us mount one. */
const mounted = (options: string, before: string) =>
  spawnSync(
    'unshare',
    [
      '-rm',
      'sh',
      '-c',
      `mount -t tmpfs -o ${options} tmpfs "$1" && (cd "$1" && ${before}) && exec "$2" --import tsx --input-type=module -e 'const { dataFolder, makeWritable } = await import(process.argv[1]); await makeWritable(dataFolder(process.argv[2])).catch(({ message }) => console.log(message))' "$3" "$1/data"`,
      'sh',
      folder,
      process.execPath,
      MODULE,
    ],
    { encoding: 'utf8', cwd: fileURLToPath(new URL('../../..', import.meta.url)) },
  )
const canMount = spawnSync('unshare', ['-rm', 'mount', '-t', 'tmpfs', 'tmpfs', folder]).status === 0

describe('a data folder', () => {
  it('S-FOLDER-5 that can be written is made, and nothing stays in it', async () => {
    await makeWritable(dataFolder(join(folder, 'a', 'b')))
    await makeWritable(dataFolder(join(folder, 'a', 'b')))
    expect(await readdir(join(folder, 'a', 'b'))).toEqual([])
  })

  it('S-FOLDER-5 that is below a file is refused', async () => {
    await writeFile(join(folder, 'file'), '')
    await expect(makeWritable(dataFolder(join(folder, 'file', 'data')))).rejects.toThrow(
      /^The data folder .*file\/data cannot be written: it is a file, or below one: .*--data\. \(ENOTDIR/,
    )
  })

  it.skipIf(!canMount).each([
    ['read-only', 'ro', 'true', /cannot be written: its disk is mounted read-only: .*--data\./],
    [
      'full of data',
      'size=64k',
      '{ cat /dev/zero > a 2>&- || true; }',
      /cannot be written: its disk is full: make room, .*--data\./,
    ],
    ['full of files', 'size=8k,nr_inodes=3', 'touch a b', /cannot be written: its disk is full: make room, .*--data\./],
  ])('S-FOLDER-5 on a disk that is %s is refused', (_, options, before, expected) => {
    const { stdout, stderr } = mounted(options, before)
    expect(stderr).toBe('')
    expect(stdout).toMatch(expected)
  })

  it.each([
    ['temp-appendonly.aof.manifest: No space left on device', 'its disk is full'],
    ["Can't open the append-only file: Permission denied", 'this user may not write there'],
    ['Bad file format reading the append only file', undefined],
  ])('S-FOLDER-5 of which Redis says %s', (text, expected) => {
    const fault = diskFault(dataFolder('/data'), text)
    expect(fault?.startsWith(`The data folder /data cannot be written: ${expected}`)).toBe(expected && true)
  })
})
