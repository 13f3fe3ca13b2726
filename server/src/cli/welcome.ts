export interface Welcome {
  /** Where the gateways are, for this machine. */
  readonly url: string
  /** Where operators are answered: one of each gateway, or none. */
  readonly adminUrls: readonly string[]
  /** The built-in config runs. */
  readonly isBuiltIn: boolean
  /** The demo would run, but for TLS. */
  readonly lacksDemo: boolean
}

const EVENT = '{"topic":"sensor.reading","data":{"sensorId":"attic","temperature":21.5,"humidity":40}}'

/** What `tidegate start` says once everything runs. */
export function welcome({ url, adminUrls, isBuiltIn, lacksDemo }: Welcome): string {
  const lines = [
    isBuiltIn
      ? `publish one event:  curl ${url}/v1/events -H 'content-type: application/json' -d '${EVENT}'`
      : `topics to publish:  curl ${url}/v1/topics`,
    ...(url.startsWith('https') ? [`sockets:            ${url.replace('https', 'wss')}/v1/ws`] : []),
    ...adminUrls.map((adminUrl) => `for operators:      ${adminUrl}/metrics`),
    // It would have to know the authority of the certificate, and a name in it that leads here.
    ...(lacksDemo
      ? ['events of the demo: NODE_EXTRA_CA_CERTS=<authority> tidegate demo --url https://<name>:<port>']
      : []),
    'stop:               Ctrl-C, the data stays',
  ]
  return `\nTidegate is at ${url}\n\n${lines.map((line) => `  ${line}\n`).join('')}`
}
