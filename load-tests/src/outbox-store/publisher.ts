/**
 * Child process that publishes with an outbox in a file, until it is killed. It says on stdout, line by line, what it was
 * given back: `kept <n>` when a call of `publish` returned, `restored <id>` and what an earlier run left.
 */
import { writeSync } from 'node:fs'
import { createClient } from '@tidegate/client'
import { openFileOutbox } from '@tidegate/client/file-outbox'
import { WebSocket } from 'ws'

const [port, path, run, mode] = process.argv.slice(2)
const say = (line: string) => writeSync(1, `${line}\n`)

const store = openFileOutbox(path!, {
  onRestored: ({ events, ...outcome }) => {
    for (const { id } of events) say(`${'error' in outcome ? `failed ${outcome.error.code}` : 'restored'} ${id}`)
  },
})
const client = createClient({ url: `http://127.0.0.1:${port}`, WebSocket, outbox: { store } })
if (mode === 'drain') {
  await client.close({ deadlineMs: 20_000 })
  say(`left ${store.size}`)
} else {
  for (let n = 1; ; n++) {
    const id = `${run}-${n}`
    client.publish('sensor.reading', { id, data: { sensorId: 's', temperature: n, humidity: 40 } }).catch((error) => {
      say(`failed ${error.code} ${id}`)
    })
    say(`kept ${id}`)
    if (n % 3 === 0) await new Promise((resolve) => setTimeout(resolve, 1))
  }
}
