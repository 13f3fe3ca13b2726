import { type IncomingHttpHeaders, request } from 'node:http'

export interface HttpAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

/** One request with exactly these headers: `fetch` has some of its own, and ends no stream. */
export function httpRequest(
  port: number,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  body = '',
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const asked = request({ port, host: '127.0.0.1', method, path, agent: false, headers }, (response) => {
      let text = ''
      const end = () => {
        resolve({ status: response.statusCode!, headers: response.headers, text })
        asked.destroy()
      }
      response.on('data', (data) => {
        text += data
        if (response.headers['content-type'] === 'text/event-stream') end()
      })
      response.on('end', end)
    })
    asked.on('error', reject)
    // A handshake that is accepted.
    asked.on('upgrade', ({ statusCode, headers }, socket) => {
      resolve({ status: statusCode!, headers, text: '' })
      socket.destroy()
    })
    asked.end(body)
  })
}
