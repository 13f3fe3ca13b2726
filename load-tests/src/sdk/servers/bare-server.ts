/** Control of `bench sdk`: answers every message with its number. */
import { SUBPROTOCOL } from '@tidegate/protocol'
import { serve } from './uws-server.ts'

serve({
  subprotocol: SUBPROTOCOL,
  answer(text, subscribe) {
    const message = JSON.parse(text) as { readonly seq: number; readonly subscribe?: true }
    if (message.subscribe) subscribe()
    return `{"ack":${message.seq}}`
  },
  push: (event) => JSON.stringify({ event }),
})
