import { createClient, type EventOf, type TopicsOf } from '@tidegate/client'
import { useEffect, useState } from 'react'
import { createRoot } from 'react-dom/client'
import type config from './tidegate.config.ts'

const client = createClient<typeof config>({ url: 'http://127.0.0.1:8080' })

type Result = EventOf<TopicsOf<typeof config>, 'sensor.10s'>

/** The latest result of every sensor, live. */
function useResults(): ReadonlyMap<string, Result> {
  const [results, setResults] = useState<ReadonlyMap<string, Result>>(new Map())
  useEffect(() => {
    const subscription = client.subscribe('sensor.10s', { snapshot: true }, (result) =>
      setResults((earlier) => new Map(earlier).set(result.key, result)),
    )
    return () => void subscription.close()
  }, [])
  return results
}

function useStatus(): string {
  const [status, setStatus] = useState<string>(client.status)
  useEffect(() => client.onStatus(setStatus), [])
  return status
}

function Sensors() {
  const results = useResults()
  const status = useStatus()
  return (
    <>
      <h1>Sensors</h1>
      <p id="status">{status}</p>
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

createRoot(document.getElementById('root')!).render(<Sensors />)
