export function arePackagesStale(): boolean
export function packagesAreBeingBuilt(): void
export function packagesAreBuilt(since: Date): void
export function isStale(built: string, sources: readonly string[]): boolean
