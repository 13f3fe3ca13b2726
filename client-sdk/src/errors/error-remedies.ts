import type { ClientErrorCode, StoreErrorCode } from './error-codes.ts'

/** What to do about an error of the client, for docs/errors.md: pages do not load it. */
export const REMEDIES: Readonly<Record<ClientErrorCode | StoreErrorCode, string>> = {
  outbox_full: 'More is sent than is answered. Try again when earlier calls have resolved.',
  outbox_expired:
    'There was no connection, or earlier calls were not answered. Try again when `status` is `online`; `outbox.maxAgeMs` says how long a call may wait.',
  store_failed:
    '`cause` says why, such as a full disk. Events that it could not keep were not sent: publish them again when there is room.',
  store_in_use: 'Close it in the other process, tab or client, or give each of them a store of its own.',
  store_damaged: 'The other events are sent. The message names a copy of the file as it was.',
  incomplete: 'The events that are still there were delivered before it. Keep more with `retention`.',
  callback_failed:
    '`cause` has what it was rejected with. The next events are handed over all the same: handle the error in the callback.',
  no_answer: 'There was no connection for 10 s, or the server is busy. Ask again.',
  not_live: "Declare the entity with `publish: ['state']`, or read it with `get()`.",
  disconnected:
    'It was lost, or could not be made: the message says how, and `cause` where it is known. Another attempt follows; `nextRetryAt` of the status says when.',
  closed: '`cause` says why, if it was not the application. Open another client.',
  invalid_token: 'It has neither spaces nor line ends. Trim what was read from a file.',
  no_token:
    '`cause` has the error of the function, if it has thrown. After 10 s it counts as failed. It is asked again.',
  invalid_url: 'Give the address of a gateway, such as `http://127.0.0.1:8080`.',
  no_websocket: 'Node has one from 22 on. Below it, install the package `ws`, or pass a class as `WebSocket`.',
}
