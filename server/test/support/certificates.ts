import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
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

interface Pem {
  readonly cert: string
  readonly key: string
}

/** Made once by `openssl req -x509 -days 36500`, so that tests need no tool for it: authorities by name, with what they issued. */
const KEPT = JSON.parse(readFileSync(new URL('./certificates.json', import.meta.url), 'utf8')) as Readonly<
  Record<string, Pem & { readonly issued: Readonly<Record<string, Pem>> }>
>

/** Certificate authorities in a folder of their own, which goes with the test file. */
export function useAuthorities(): (name: string) => Authority {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-tls-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  let count = 0
  const written = (what: string, pem: Pem | undefined): Issued => {
    if (pem === undefined) throw new Error(`certificates.json has no ${what}`)
    const name = join(folder, `${++count}`)
    writeFileSync(`${name}.crt`, pem.cert)
    writeFileSync(`${name}.key`, pem.key)
    return { cert: `${name}.crt`, key: `${name}.key` }
  }
  return (name) => {
    const authority = KEPT[name]
    return {
      ...written(name, authority),
      issue: (commonName) => written(`${commonName} of ${name}`, authority?.issued[commonName]),
    }
  }
}
