/** Answers as Centrifugo does in its JSON protocol, as far as centrifuge-js needs it here. */
import { serve } from './uws-server.ts'

type Command = { readonly id?: number } & Partial<Record<'connect' | 'subscribe' | 'publish', object>>

const PING_SECONDS = 25

serve({
  subprotocol: undefined,
  answer(text, subscribe) {
    // A message may have several commands, a line each.
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.stringify(reply(JSON.parse(line) as Command, subscribe)))
      .join('\n')
  },
  push: (data) => JSON.stringify({ push: { channel: 'bench', pub: { data } } }),
})

function reply({ id, connect, ...command }: Command, subscribe: () => void): object {
  if (connect !== undefined) return { id, connect: { client: 'c', version: '6.0.0', ping: PING_SECONDS, pong: true } }
  if (command.subscribe === undefined) return { id, publish: {} }
  subscribe()
  return { id, subscribe: {} }
}
