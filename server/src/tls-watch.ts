import { certificateEnd, checkTls, endState, readTlsFiles, type Tls } from './tls.ts'

/**
 * How often the files are read. Whoever renews a certificate does so weeks before it ends; and unlike a watch on the
 * file system this also sees links that are replaced, as Kubernetes does it.
 */
const LOOK_MS = 10_000

export interface TlsWatchOptions {
  /** What is in use. */
  readonly tls: Tls
  /** Uses other contents for new connections. Rejects if it cannot, and then uses what it did before. */
  readonly renew: (tls: Tls) => Promise<void>
  /** Called with one line for everything the operator should know. */
  readonly warn: (line: string) => void
  /** ms since 1970 */
  readonly now?: () => number
}

/** Notices when certificate, key or authorities change, and when the certificate in use ends. */
export class TlsWatch {
  readonly #options: TlsWatchOptions
  /** What was looked at last, and used or refused. */
  #seen: Tls
  #end: number
  /** What was said of its end. */
  #saidEnd: ReturnType<typeof endState>
  #refusal: string | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(options: TlsWatchOptions) {
    this.#options = options
    this.#seen = options.tls
    this.#end = certificateEnd(options.tls)
  }

  start(): void {
    this.#sayEnd()
    this.#timer = setInterval(() => void this.look(), LOOK_MS)
  }

  close(): void {
    clearInterval(this.#timer)
  }

  /** Never rejects. */
  async look(): Promise<void> {
    await this.#renewChanged()
    this.#sayEnd()
  }

  async #renewChanged(): Promise<void> {
    const { renew, warn, tls } = this.#options
    try {
      const found = await readTlsFiles(tls.files)
      if (isSame(found, this.#seen)) return
      this.#seen = found
      checkTls(found)
      await renew(found)
      this.#refusal = undefined
      this.#end = certificateEnd(found)
      this.#saidEnd = undefined
      warn(`The certificate in ${tls.files.cert} has changed: new connections use it.`)
    } catch (error) {
      const { message } = error as Error
      // A file that is missing is looked for again, and said once.
      if (message !== this.#refusal) warn(`The changed certificate is not used, the one before is: ${message}`)
      this.#refusal = message
    }
  }

  #sayEnd(): void {
    const { warn, tls, now = Date.now } = this.#options
    const state = endState(this.#end - now())
    if (state === undefined || state === this.#saidEnd) return
    this.#saidEnd = state
    const end = new Date(this.#end).toISOString()
    warn(
      state === 'over'
        ? `The certificate in ${tls.files.cert} has ended at ${end}: clients refuse it. Renew it; it is read again without a restart.`
        : `The certificate in ${tls.files.cert} ends at ${end}. Renew it; it is read again without a restart.`,
    )
  }
}

function isSame(one: Tls, other: Tls): boolean {
  const text = ({ cert, key, clientCa }: Tls) => [cert, key, clientCa ?? ''].map(String).join('\n')
  return text(one) === text(other)
}
