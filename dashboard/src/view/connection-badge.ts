import type { ConnectionStatus } from '@tidegate/client'
import { setText } from './element.ts'

const LABELS: Readonly<Record<ConnectionStatus, string>> = {
  idle: 'Connecting',
  connecting: 'Connecting',
  online: 'Online',
  offline: 'Offline, reconnecting',
  closed: 'Closed by the server: reload to try again',
}

export function showStatus(badge: HTMLElement, status: ConnectionStatus): void {
  badge.dataset.status = status
  setText(badge, LABELS[status])
  document.title = status === 'online' ? 'Tidegate' : `${LABELS[status]} - Tidegate`
}
