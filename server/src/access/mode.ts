import type { Contract } from '../config/contract/model.ts'
import type { Settings } from '../config/settings/settings.ts'
import { isLoopbackHost } from '../web-origin.ts'
import type { AccessSettings } from './access.ts'

interface GatewayChoice {
  readonly host: string
  readonly anonymous: 'all' | 'rules' | undefined
  /** Whether there is a way to tell who somebody is. */
  readonly hasIdentities: boolean
  readonly hasRules: boolean
}

export function gatewayChoice(settings: Settings, { access }: Pick<Contract, 'access'>): GatewayChoice {
  const { host, anonymous, jwtSecret, jwtPublicKey, jwksUrl, certificateName } = settings
  const hasIdentities = [jwtSecret, jwtPublicKey, jwksUrl, certificateName].some((each) => each !== undefined)
  return { host, anonymous, hasIdentities, hasRules: access.rules.length > 0 }
}

/** Whether callers are authenticated. They are not while only this machine can be a caller and nothing says otherwise. */
export function anonymousMode(choice: GatewayChoice): AccessSettings['anonymous'] {
  const { host, anonymous, hasIdentities, hasRules } = choice
  if (anonymous !== undefined) return anonymous === 'all' ? 'everything' : 'rules'
  return isLoopbackHost(host) && !hasIdentities && !hasRules ? 'local' : 'rules'
}

/** What the operator should know of it at the start. */
export function modeWarning(
  { host, anonymous }: Pick<GatewayChoice, 'host' | 'anonymous'>,
  { isOpen, isShut }: { isOpen: boolean; isShut: boolean },
) {
  // On loopback too: a proxy may lead there.
  if (isOpen && anonymous === 'all') {
    return `Anyone who reaches ${host} may read and write everything: TIDEGATE_ANONYMOUS is all.`
  }
  if (!isShut) return undefined
  return (
    'Every caller is refused: there is no way to check tokens, no API key and no rule for anonymous callers. Set ' +
    'TIDEGATE_JWT_SECRET, TIDEGATE_JWT_PUBLIC_KEY or TIDEGATE_JWKS_URL, run `tidegate key create`, or set ' +
    'TIDEGATE_ANONYMOUS=all to let everybody do everything.'
  )
}
