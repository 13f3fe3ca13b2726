import { readdir, readFile } from 'node:fs/promises'
import { extname, join, relative, sep } from 'node:path'
import type { HttpResponse } from '../transport/transport.ts'

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.json': 'application/json',
  '.woff2': 'font/woff2',
}

/** A page loads and connects to nothing but its gateway, and runs no code that is not a file of it. */
const PAGE_HEADERS = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    // Of uPlot, and the icon.
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; '),
  'cross-origin-opener-policy': 'same-origin',
}

const NOT_BUILT = `<!doctype html><title>Tidegate</title><p>The dashboard is not built. Run <code>npm run build</code>, then restart.`

/** The files of a built page, read once: a request path can only name a file that existed at the start. */
export class StaticFiles {
  readonly #files = new Map<string, HttpResponse>()

  async load(folder: string): Promise<void> {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
    for (const entry of entries) {
      if (!entry.isFile()) continue
      const file = join(entry.parentPath, entry.name)
      const path = `/${relative(folder, file).split(sep).join('/')}`
      const immutable = path.startsWith('/assets/')
      this.#files.set(path, {
        kind: 'whole',
        status: 200,
        headers: {
          ...(path.endsWith('.html') && PAGE_HEADERS),
          'content-type': CONTENT_TYPES[extname(path)] ?? 'application/octet-stream',
          'cache-control': immutable ? 'public, max-age=31536000, immutable' : 'no-cache',
        },
        body: await readFile(file),
      })
    }
  }

  find(path: string): HttpResponse | undefined {
    const found = this.#files.get(path === '/' ? '/index.html' : path)
    if (found !== undefined || path !== '/') return found
    const headers = { ...PAGE_HEADERS, 'content-type': CONTENT_TYPES['.html']! }
    return { kind: 'whole', status: 503, headers, body: NOT_BUILT }
  }
}
