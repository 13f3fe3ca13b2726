import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { REPOSITORY } from '../../../scripts/source-files.ts'
import { TokenVerifier } from '../../src/access/token-verifier.ts'
import { readSettings } from '../../src/config/settings/settings.ts'
import { hasDebianPackages, unpackDebianPackages } from '../../src/supervisor/debian-package.ts'
import { findExecutable } from '../../src/supervisor/executable.ts'

const SECRET = 'a secret of the tests, 32 bytes or more'
const { searchPath, cacheFolder } = readSettings()
const python = findExecutable(['python3'], searchPath)
const page = readFileSync(join(REPOSITORY, 'docs/access.md'), 'utf8')

test.skipIf(python === undefined || !hasDebianPackages())(
  'ACC-TOKEN-1 the token that docs/access.md has PyJWT sign is let in',
  async () => {
    const [, snippet] = /```python\n([\s\S]*?)```/.exec(page)!
    const { root } = await unpackDebianPackages(['python3-jwt'], cacheFolder)
    const env = { TIDEGATE_JWT_SECRET: SECRET, PYTHONPATH: join(root, 'usr/lib/python3/dist-packages') }
    const token = execFileSync(python!, ['-c', snippet!], { env, encoding: 'utf8' }).trim()
    const verifier = new TokenVerifier({ secret: SECRET, toleranceSeconds: 0, rightsClaim: 'tidegate' })
    const claims = { role: 'tenant', tid: 'acme' }
    expect(await verifier.verify(token)).toMatchObject({ kind: 'token', subject: 'ann', claims })
  },
)
