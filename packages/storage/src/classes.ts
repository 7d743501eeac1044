/**
 * What a class of the stores bills and takes: names of one store mean nothing at another, so one table does for all.
 *
 * @see https://aws.amazon.com/s3/storage-classes/ · https://cloud.google.com/storage/docs/storage-classes · https://learn.microsoft.com/azure/storage/blobs/access-tiers-overview
 */
const LEAST_DAYS: Readonly<Record<string, number>> = {
  ...{ STANDARD_IA: 30, ONEZONE_IA: 30, GLACIER_IR: 90, GLACIER: 90, DEEP_ARCHIVE: 180 },
  ...{ NEARLINE: 30, COLDLINE: 90, ARCHIVE: 365 },
  ...{ COOL: 30, COLD: 90 },
}

const OFFLINE = new Set(['GLACIER', 'DEEP_ARCHIVE'])

/** Bills a minimum age and size, or a fee for each read. */
export function isInfrequent(name: string): boolean {
  return Object.hasOwn(LEAST_DAYS, name.toUpperCase())
}

/** Must be thawed before it is read. Archive of Azure must, ARCHIVE of Google need not. */
export function isOffline(name: string): boolean {
  return name === 'Archive' || OFFLINE.has(name.toUpperCase())
}

/** Days that are paid for however soon an object goes; 0 where there is no such minimum. */
export function leastDays(name: string): number {
  return LEAST_DAYS[name.toUpperCase()] ?? 0
}
