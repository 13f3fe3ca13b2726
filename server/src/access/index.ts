export { Access, type AccessOptions, type AccessSettings, type Credentials, TICKET_MS } from './access.ts'
export { type KeyRecord, revoke } from './access-list.ts'
export { ANYBODY, type Caller, callerOf, type Identity, limitName } from './caller.ts'
export type { RevocationRecord, Revoked } from './held-revocations.ts'
export {
  type HiddenFields,
  hiddenBelow,
  hiddenByBoth,
  hiddenByEither,
  NOTHING_HIDDEN,
  removeHidden,
  shownCopy,
  shownJson,
} from './hidden-fields.ts'
export { addKey, type KeyRequest, type ListedKey, listKeys, revokeKeys } from './key-list.ts'
export { ALL_KEYS, allowsKey, isSameScope, type KeyScope, narrowed, scopeText } from './key-scope.ts'
export { type MintedToken, mintToken, type TokenRequest } from './mint-token.ts'
export { anonymousMode, gatewayChoice, modeWarning } from './mode.ts'
export { type Refusal, refusal } from './refusal.ts'
export { Rights } from './rights.ts'
export { hiddenOfEvents, hiddenOfTopic, hiddenOfView, type Seen, type Sight } from './sight.ts'
export { MAX_GRANTS } from './token-verifier.ts'
