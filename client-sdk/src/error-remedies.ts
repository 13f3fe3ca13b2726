import type { ClientErrorCode } from './errors.ts'

/** What to do about an error of the client, for docs/errors.md: pages do not load it. */
export const REMEDIES: Readonly<Record<ClientErrorCode, string>> = {
  outbox_full: 'More is sent than is answered. Try again when earlier calls have resolved.',
  outbox_expired:
    'There was no connection, or earlier calls were not answered. Try again when `status` is `online`; `outbox.maxAgeMs` says how long a call may wait.',
  incomplete: 'The events that are still there were delivered before it. Keep more with `retention`.',
  no_answer: 'There was no connection for 10 s, or the server is busy. Ask again.',
  not_live: "Declare the entity with `publish: ['state']`, or read it with `get()`.",
  closed: '`cause` says why, if it was not the application. Open another client.',
  invalid_token: 'It has neither spaces nor line ends. Trim what was read from a file.',
  no_token:
    '`cause` has the error of the function, if it has thrown. After 10 s it counts as failed. It is asked again.',
  invalid_url: 'Give the address of a gateway, such as `http://127.0.0.1:8080`.',
  no_websocket: 'Node has one from 22 on. Below it, install the package `ws`, or pass a class as `WebSocket`.',
}
