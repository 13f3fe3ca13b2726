import { createClient } from '@tidegate/client'
import type config from './tidegate.config.ts'

const client = createClient<typeof config>({ url: 'http://127.0.0.1:8080' })

const status = document.querySelector<HTMLElement>('#status')!
client.onStatus((now) => {
  status.textContent = now
})

const degrees = (value: number) => `${value.toFixed(1)} °C`
client.subscribe('sensor.reading', {}, ({ data }) => show(data.sensorId, { 1: degrees(data.temperature) }))
// The latest result of every sensor, then every new one.
client.subscribe('sensor.10s', { snapshot: true }, ({ key, data }) =>
  show(key, { 2: degrees(data.value.avg), 3: degrees(data.value.max) }),
)

/** Writes texts into cells of a sensor's row, which is added at its first event. */
function show(sensorId: string, texts: Readonly<Record<number, string>>): void {
  const table = document.querySelector<HTMLTableSectionElement>('#sensors')!
  const row = [...table.rows].find(({ cells }) => cells[0]!.textContent === sensorId) ?? newRow(table, sensorId)
  for (const [column, text] of Object.entries(texts)) row.cells[Number(column)]!.textContent = text
}

function newRow(table: HTMLTableSectionElement, sensorId: string): HTMLTableRowElement {
  const row = table.insertRow()
  for (const text of [sensorId, '', '', '']) row.insertCell().textContent = text
  return row
}
