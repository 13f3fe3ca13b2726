import { createClient } from '@tidegate/client'
import { createHooks, TidegateProvider } from '@tidegate/client/react'
import { Component, type ReactNode, StrictMode, Suspense, useEffect } from 'react'
import { createRoot } from 'react-dom/client'
import type config from '../../../../examples/tidegate.config.ts'

// Runs in a browser: what the test of hooks shows, and what it looks at.

const { useEntity, useLatest, useStatus, useSubscription, useWindow } = createHooks<typeof config>()

interface Frame {
  readonly type: string
  readonly topic?: string
}

const sockets: WebSocket[] = []
const sent: Frame[] = []
class WatchedSocket extends WebSocket {
  constructor(...args: ConstructorParameters<typeof WebSocket>) {
    super(...args)
    sockets.push(this)
  }
  override send(data: string): void {
    sent.push(JSON.parse(data))
    super.send(data)
  }
}

const client = createClient<typeof config>({ url: location.origin, WebSocket: WatchedSocket })
const root = createRoot(document.body.appendChild(document.createElement('div')))

/** Animation frames so far, and in how many of them components were rendered twice. */
const frames = { count: 0, renders: 0, doubled: 0 }
const renderedAt = new Map<string, number>()
function countFrames(): void {
  frames.count++
  requestAnimationFrame(countFrames)
}
requestAnimationFrame(countFrames)

/** Effects run after every render that is shown. */
function useCountedRenders(name: string): void {
  useEffect(() => {
    frames.renders++
    if (renderedAt.get(name) === frames.count) frames.doubled++
    renderedAt.set(name, frames.count)
  })
}

/** What a callback was called with. */
const received: string[] = []
/** What one view has shown. */
const shown: string[] = []

const VIEWS = {
  one: ({ sensor }: { sensor: string }) => {
    const { data, status } = useLatest('sensor.reading', { key: sensor, lanes: ['low', 'normal', 'high'] })
    const text = `${status} ${data?.data.temperature}`
    useEffect(() => void shown.push(text))
    return text
  },
  many: () => {
    useCountedRenders('many')
    const { data } = useLatest('sensor.reading', { limit: 50 })
    return [...data.keys()].join()
  },
  events: () => {
    useCountedRenders('events')
    const { data } = useSubscription('sensor.reading', { limit: 2, from: { time: Date.now() } })
    return data.map((event) => event.data.temperature).join()
  },
  called: ({ by }: { by: string }) => {
    const { status } = useSubscription('sensor.reading', ({ data }) => received.push(`${by} ${data.temperature}`))
    return status
  },
  suspended: ({ sensor }: { sensor: string }) =>
    `there: ${useLatest('sensor.10s', { key: sensor, suspense: true }).data?.data.value.max}`,
  refused: () => `${useLatest('sensor.gone' as 'sensor.10s', { suspense: true }).status}`,
  minutes: () => {
    const { data } = useWindow('commerce.revenue_1m', { pastMs: Number.POSITIVE_INFINITY })
    return data.map(({ value }) => value.revenue).join()
  },
  order: ({ orderId }: { orderId: string }) => {
    const { data, version, command } = useEntity('order', orderId)
    const place = () => void command('place', { userId: 'u', amount: 10 })
    return (
      <button type="button" onClick={place}>
        {data?.status} {version}
      </button>
    )
  },
  status: () => useStatus(),
}

class Boundary extends Component<{ readonly children: ReactNode }> {
  override state: { readonly message?: string } = {}
  static getDerivedStateFromError(error: Error) {
    return { message: `thrown: ${error.message}` }
  }
  override render() {
    return this.state.message ?? this.props.children
  }
}

type Props<View> = View extends (props: infer P) => unknown ? (unknown extends P ? object : P) : never
type Shown = { readonly [Name in keyof typeof VIEWS]?: Props<(typeof VIEWS)[Name]> }

/** Shows views by their names, each with its properties, and no others. */
function show(views: Shown): void {
  root.render(
    <StrictMode>
      <TidegateProvider client={client}>
        {Object.entries(views).map(([name, props]) => {
          const View = VIEWS[name as keyof typeof VIEWS] as (props: object) => ReactNode
          return (
            <p key={name} id={name}>
              <Boundary>
                <Suspense fallback="waiting">
                  <View {...props} />
                </Suspense>
              </Boundary>
            </p>
          )
        })}
      </TidegateProvider>
    </StrictMode>,
  )
}

const page = { show, sent, frames, received, shown, cut: () => sockets.at(-1)!.close() }
export type HooksPage = typeof page
Object.assign(globalThis, { page, pageOf: () => page })
