import { useStatus } from './tidegate.ts'

const TEXTS = {
  idle: 'Connecting',
  connecting: 'Connecting',
  online: 'Live',
  offline: 'Connection lost. What you see stays, and is brought up to date on the next one.',
  closed: 'Closed',
} as const

export function ConnectionLine() {
  const status = useStatus()
  return (
    <p className={`connection ${status}`} role="status">
      {TEXTS[status]}
    </p>
  )
}
