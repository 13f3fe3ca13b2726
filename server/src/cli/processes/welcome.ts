export interface Welcome {
  /** Where the gateways are, for this machine. */
  readonly url: string
  /** Where operators are answered: one of each gateway, or none. */
  readonly adminUrls: readonly string[]
  /** Where this process and its workers are watched. */
  readonly metricsUrls: readonly string[]
  /** The built-in config runs. */
  readonly isBuiltIn: boolean
  /** Why the demo, which was wanted, does not run. */
  readonly noDemo: NoDemo | undefined
}

export type NoDemo = 'tls' | 'tokens'

/** With TLS it would not trust the gateway, and it has no token. */
export function whyNoDemo(hasTls: boolean, anonymous: 'everything' | 'local' | 'rules'): NoDemo | undefined {
  if (anonymous === 'rules') return 'tokens'
  return hasTls ? 'tls' : undefined
}

const NO_DEMO: Readonly<Record<NoDemo, string>> = {
  // It would have to know the authority of the certificate, and a name in it that leads here.
  tls: 'events of the demo: NODE_EXTRA_CA_CERTS=<authority> tidegate demo --url https://<name>:<port>',
  tokens: 'callers need tokens, and the demo has none: tidegate token --help',
}

const EVENT = '{"topic":"sensor.reading","data":{"sensorId":"attic","temperature":21.5,"humidity":40}}'

/** What `tidegate start` says once everything runs. */
export function welcome({ url, adminUrls, metricsUrls, isBuiltIn, noDemo }: Welcome): string {
  const lines = [
    isBuiltIn
      ? `publish one event:  curl ${url}/v1/events -H 'content-type: application/json' -d '${EVENT}'`
      : `topics to publish:  curl ${url}/v1/topics`,
    ...(url.startsWith('https') ? [`sockets:            ${url.replace('https', 'wss')}/v1/ws`] : []),
    `metrics:            ${metricsUrls.map((each) => `${each}/metrics`).join(' ')}`,
    ...adminUrls.map((adminUrl) => `for operators:      ${adminUrl}/metrics`),
    ...(noDemo === undefined ? [] : [NO_DEMO[noDemo]]),
    'stop:               Ctrl-C, the data stays',
  ]
  return `\nTidegate is at ${url}\n\n${lines.map((line) => `  ${line}\n`).join('')}`
}
