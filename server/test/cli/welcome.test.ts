import { describe, expect, it } from 'vitest'
import { tlsFilesOf } from '../../src/cli/processes/tls-files.ts'
import { welcome, whyNoDemo } from '../../src/cli/processes/welcome.ts'
import { readSettings } from '../../src/config/settings/settings.ts'

describe('tidegate start', () => {
  it('X-START-3 with TLS - the addresses are https and wss, and a line says how the demo is run', () => {
    const said = welcome({
      url: 'https://127.0.0.1:8443',
      adminUrls: [],
      metricsUrls: [],
      isBuiltIn: true,
      noDemo: 'tls',
    })
    expect(said).toContain('Tidegate is at https://127.0.0.1:8443\n')
    expect(said).toContain('wss://127.0.0.1:8443/v1/ws\n')
    expect(said).toContain('tidegate demo --url https://')
    expect(said).not.toContain('http://')
    const plain = { url: 'http://127.0.0.1:8080', adminUrls: [], metricsUrls: [], isBuiltIn: false, noDemo: undefined }
    expect(welcome(plain)).not.toMatch(/https|wss|demo/)
  })

  it('X-START-4 with a listener for operators - prints its address for each gateway', () => {
    const adminUrls = ['http://127.0.0.1:9090', 'http://127.0.0.1:9091']
    const said = welcome({
      url: 'http://127.0.0.1:8080',
      adminUrls,
      metricsUrls: [],
      isBuiltIn: false,
      noDemo: undefined,
    })
    for (const url of adminUrls) expect(said).toContain(`for operators:      ${url}/metrics\n`)
  })

  it('X-START-5 where callers need tokens - the demo does not run, and a line says so', () => {
    expect(whyNoDemo(false, 'everything')).toBeUndefined()
    expect(whyNoDemo(true, 'everything')).toBe('tls')
    expect(whyNoDemo(true, 'rules')).toBe('tokens')
    const said = welcome({
      url: 'http://127.0.0.1:8080',
      adminUrls: [],
      metricsUrls: [],
      isBuiltIn: true,
      noDemo: 'tokens',
    })
    expect(said).toContain('the demo has none: tidegate token --help')
  })

  it.each(['TIDEGATE_TLS_CERT', 'TIDEGATE_TLS_KEY', 'TIDEGATE_TLS_CLIENT_CA'])(
    'X-START-3 %s alone - is refused',
    (name) => {
      expect(() => tlsFilesOf(readSettings({}, { [name]: 'file.pem' }))).toThrow(
        /both TIDEGATE_TLS_CERT and TIDEGATE_TLS_KEY/,
      )
      expect(tlsFilesOf(readSettings({}, {}))).toBeUndefined()
    },
  )
})
