import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'

export interface Issued {
  /** Names of files. */
  readonly cert: string
  readonly key: string
}

export interface Authority extends Issued {
  /** A certificate for this machine, or of a client. */
  issue(commonName: string): Issued
}

const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
const NAMES = 'subjectAltName=DNS:localhost,IP:127.0.0.1'

/** Makes certificate authorities in a folder of their own, which goes with the test file. */
export function useAuthorities(): (name: string) => Authority {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-tls-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  const openssl = (...args: readonly string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })
  let count = 0
  const files = (): Issued => {
    const name = join(folder, `${++count}`)
    return { cert: `${name}.crt`, key: `${name}.key` }
  }
  return (name) => {
    const authority = files()
    const signed = ['-x509', '-days', '30', '-subj', `/CN=${name}`]
    openssl('req', ...signed, ...EC, '-keyout', authority.key, '-out', authority.cert)
    return {
      ...authority,
      issue(commonName) {
        const issued = files()
        const subject = ['-subj', `/CN=${commonName}`, '-addext', NAMES]
        const ca = ['-x509', '-days', '30', '-CA', authority.cert, '-CAkey', authority.key]
        openssl('req', ...ca, ...subject, ...EC, '-keyout', issued.key, '-out', issued.cert)
        return issued
      },
    }
  }
}
