/** The token that this tab has signed in with. It goes with the tab. */
const KEPT = 'tidegate.token'

export function keptToken(): string | undefined {
  return sessionStorage.getItem(KEPT) ?? undefined
}

export function keepToken(token: string): void {
  sessionStorage.setItem(KEPT, token)
}

/** A request that shows it. */
export function signed(): RequestInit {
  const token = keptToken()
  return token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }
}
