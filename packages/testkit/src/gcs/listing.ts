import { invalid } from './refusal.ts'
import { objectResource } from './resource.ts'
import type { GcsBucket, StoredObject } from './store.ts'

/** One page of a listing: names in UTF-8 byte order, folders as `prefixes` when a delimiter is given; both count. */
export function listPage(bucket: GcsBucket, query: URLSearchParams, pageLimit: number): object {
  const most = Math.min(pageLimit, positive(query.get('maxResults')) ?? pageLimit)
  const after = query.has('pageToken') ? nameOf(query.get('pageToken') ?? '') : undefined
  const delimiter = query.get('delimiter') ?? ''
  const prefix = query.get('prefix') ?? ''
  const items: object[] = []
  const prefixes = new Set<string>()
  let lastName: string | undefined
  for (const object of bucket.sorted()) {
    if (!isWanted(object, query, after)) continue
    const folder = folderOf(object.name, prefix, delimiter)
    if (folder !== undefined && (prefixes.has(folder) || after?.startsWith(folder))) continue
    if (items.length + prefixes.size === most) return partial(page(items, prefixes, lastName), query)
    if (folder !== undefined) prefixes.add(folder)
    else items.push(objectResource(bucket, object))
    lastName = object.name
  }
  return partial(page(items, prefixes, undefined), query)
}

/** Of `fields=items(name,size),nextPageToken` nothing else is answered. */
function partial(whole: { items?: object[] }, query: URLSearchParams): object {
  const [, names, rest] = /^items\(([\w,]+)\)((?:,\w+)*)$/.exec(query.get('fields') ?? '') ?? []
  if (names === undefined || rest === undefined) return whole
  const items = whole.items?.map((item) => only(item, names.split(',')))
  return { ...only(whole, rest.split(',')), ...(items && { items }) }
}

function only(object: object, names: readonly string[]): object {
  return Object.fromEntries(Object.entries(object).filter(([name]) => names.includes(name)))
}

function isWanted({ name }: StoredObject, query: URLSearchParams, after: string | undefined): boolean {
  if (!name.startsWith(query.get('prefix') ?? '')) return false
  const start = query.get('startOffset')
  const end = query.get('endOffset')
  if (start !== null && compare(name, start) < 0) return false
  if (end !== null && compare(name, end) >= 0) return false
  return after === undefined || compare(name, after) > 0
}

function folderOf(name: string, prefix: string, delimiter: string): string | undefined {
  const end = delimiter === '' ? -1 : name.indexOf(delimiter, prefix.length)
  return end < 0 ? undefined : name.slice(0, end + delimiter.length)
}

function page(
  items: object[],
  prefixes: ReadonlySet<string>,
  lastName: string | undefined,
): { kind: string; items?: object[] } {
  return {
    kind: 'storage#objects',
    ...(items.length > 0 && { items }),
    ...(prefixes.size > 0 && { prefixes: [...prefixes] }),
    ...(lastName !== undefined && { nextPageToken: Buffer.from(lastName).toString('base64') }),
  }
}

function nameOf(pageToken: string): string {
  const name = Buffer.from(pageToken, 'base64').toString()
  if (name === '' || Buffer.from(name).toString('base64') !== pageToken) throw invalid('Invalid page token')
  return name
}

function positive(text: string | null): number | undefined {
  if (text === null) return undefined
  if (!/^\d+$/.test(text) || Number(text) === 0) throw invalid(`Invalid value for maxResults: ${text}`)
  return Number(text)
}

function compare(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other))
}
