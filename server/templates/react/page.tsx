import { createClient } from '@tidegate/client'
import { createHooks, TidegateProvider } from '@tidegate/client/react'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import type config from './tidegate.config.ts'

const client = createClient<typeof config>({ url: 'http://127.0.0.1:8080' })
const { useLatest, useStatus } = createHooks<typeof config>()

function Sensors() {
  // The latest result of every sensor, live.
  const { data: results, error } = useLatest('sensor.10s')
  const status = useStatus()
  return (
    <>
      <h1>Sensors</h1>
      <p id="status">{error?.message ?? status}</p>
      <table>
        <thead>
          <tr>
            <th>Sensor</th>
            <th>Average of 10 s</th>
            <th>Highest</th>
          </tr>
        </thead>
        <tbody id="sensors">
          {[...results].map(([sensorId, { data }]) => (
            <tr key={sensorId}>
              <td>{sensorId}</td>
              <td>{data.value.avg.toFixed(1)} °C</td>
              <td>{data.value.max.toFixed(1)} °C</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  )
}

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <TidegateProvider client={client}>
      <Sensors />
    </TidegateProvider>
  </StrictMode>,
)
