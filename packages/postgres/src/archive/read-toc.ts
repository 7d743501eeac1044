import type { Pieces } from './pieces.ts'

/** The part of an archive's table of contents that tells whether the rest is complete. */
export interface ArchiveToc {
  /** e.g. 1014 for format 1.14, as PostgreSQL 15 writes it. */
  version: number
  /** How the data of its entries is compressed. */
  compression: 'none' | 'zstd' | 'other'
  intSize: number
  /** Bytes of a place in the archive. */
  offSize: number
  /** Entries that announce data, by the id their block carries. */
  withData: Map<number, DataEntry>
}

export interface DataEntry {
  desc: string
  schema: string
  name: string
  /** The statement that takes its rows in, with the line's end: `COPY … FROM stdin;`. Empty for what no COPY brings in. */
  copy: string
  /** Where in the archive the place of its data belongs: a byte that says whether it is known, and `offSize` bytes. */
  placeAt: number
  /** Where in the archive its data begins, as far as that stands there. */
  place: number | undefined
}

/** pg_dump's word for "the place of the data is known". */
export const PLACE_KNOWN = 2

const CUSTOM_FORMAT = 1
/** 1.14: PostgreSQL 12 to 15 · 1.15: 16 · 1.16: 17 and 18. */
const KNOWN = { oldest: 1014, newest: 1016 }
/** As 1.15 numbers them; before that a level of gzip stands there. */
const COMPRESSION: Readonly<Record<number, ArchiveToc['compression']>> = { 0: 'none', 3: 'zstd' }

/**
 * Reads the head of a custom-format archive.
 *
 * @see https://github.com/postgres/postgres/blob/master/src/bin/pg_dump/pg_backup_archiver.c – WriteHead, WriteToc
 * @throws Error when these are not the first bytes of such an archive
 */
export function* readToc(input: Pieces): Generator<undefined, ArchiveToc> {
  const magic = yield* input.take(5)
  if (magic.toString('latin1') !== 'PGDMP') throw new Error('it does not begin with PGDMP')
  const [major = 0, minor = 0, , intSize = 4, offSize = 8, format] = yield* input.take(6)
  const version = major * 1000 + minor
  if (format !== CUSTOM_FORMAT) throw new Error(`its format is ${format}, not custom`)
  if (version < KNOWN.oldest || version > KNOWN.newest) throw new Error(`its version ${major}.${minor} is unknown`)
  const read = reader(input, intSize)
  const compressedBy = version >= 1015 ? (yield* input.take(1)).readUInt8() : yield* read.int()
  const compression = version < 1015 && compressedBy > 0 ? 'other' : (COMPRESSION[compressedBy] ?? 'other')
  // Seven numbers of the creation time, then database, server version and pg_dump version.
  yield* input.skip(7 * (intSize + 1))
  for (let text = 0; text < 3; text++) yield* read.skipText()
  const withData: ArchiveToc['withData'] = new Map()
  const count = yield* read.int()
  for (let entry = 0; entry < count; entry++) {
    const { id, hasData, ...what } = yield* readEntry(input, read, { version, offSize })
    if (hasData) withData.set(id, what)
  }
  return { version, compression, intSize, offSize, withData }
}

function* readEntry(
  input: Pieces,
  read: ReturnType<typeof reader>,
  { version, offSize }: { version: number; offSize: number },
): Generator<undefined, DataEntry & { id: number; hasData: boolean }> {
  const id = yield* read.int()
  const hasData = (yield* read.int()) !== 0
  yield* read.skipText() // table oid
  yield* read.skipText() // oid
  const name = yield* read.text()
  const desc = yield* read.text()
  yield* read.int() // section
  yield* read.skipText() // definition
  yield* read.skipText() // drop statement
  const copy = yield* read.text()
  const schema = yield* read.text()
  yield* read.skipText() // tablespace
  yield* read.skipText() // access method
  if (version >= 1016) yield* read.int() // relkind
  yield* read.skipText() // owner
  yield* read.skipText() // the word "false", of days when tables had oids
  while ((yield* read.skipText()) >= 0); // dependencies, up to the one that is absent
  const placeAt = input.taken
  const found = yield* input.take(1 + offSize)
  const place = found[0] === PLACE_KNOWN ? found.readUIntLE(1, Math.min(offSize, 6)) : undefined
  return { id, hasData, desc, schema, name, copy, placeAt, place }
}

/** Numbers are a sign byte and `intSize` little-endian bytes; texts a number and as many bytes, absent when negative. */
function reader(input: Pieces, intSize: number) {
  function* int(): Generator<undefined, number> {
    const bytes = yield* input.take(1 + intSize)
    const value = bytes.readUIntLE(1, intSize)
    return bytes[0] === 0 ? value : -value
  }
  function* text(): Generator<undefined, string> {
    const length = yield* int()
    return length < 0 ? '' : (yield* input.take(length)).toString('utf8')
  }
  function* skipText(): Generator<undefined, number> {
    const length = yield* int()
    if (length > 0) yield* input.skip(length)
    return length
  }
  return { int, text, skipText }
}
