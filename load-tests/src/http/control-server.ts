/** Control of `bench http`: uWebSockets.js alone parses each body as JSON, and gives every request the same answer. */
import uWS from 'uWebSockets.js'
import { listenForParent } from '../support/listen-for-parent.ts'

/** What it is to answer from now on. */
export interface ControlAnswer {
  readonly body: string
  readonly contentType: string
}

let answer: ControlAnswer = { body: '{}', contentType: 'application/json' }

function end(response: uWS.HttpResponse): void {
  response.cork(() => response.writeHeader('content-type', answer.contentType).end(answer.body))
}

const app = uWS
  .App()
  .get('/*', end)
  .post('/*', (response) => {
    const chunks: Buffer[] = []
    response.onAborted(() => undefined)
    response.onData((chunk, isLast) => {
      // Its memory is the server's again after this call.
      chunks.push(Buffer.from(Buffer.from(chunk)))
      if (!isLast) return
      const text = Buffer.concat(chunks).toString('utf8')
      if (text !== '') JSON.parse(text)
      end(response)
    })
  })

listenForParent(app)
process.on('message', (next: ControlAnswer) => {
  answer = next
  process.send!({ type: 'set' })
})
