/** One of the pages that the navigation leads to. */
export interface View {
  readonly root: HTMLElement
  /** @param place what stands behind its name in the address */
  show(place: readonly string[]): void
  /** It is no longer looked at: what it follows ends. */
  hide(): void
  /** Called a few times a second while it is shown. */
  draw(): void
}
