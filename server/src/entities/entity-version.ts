export { parseVersion } from '@tidegate/protocol'

/** How a version leaves: with the epoch of its log, under which alone it means something. */
export function formatVersion({ version, epoch }: { readonly version: number; readonly epoch: string }): string {
  return `${version}@${epoch}`
}
