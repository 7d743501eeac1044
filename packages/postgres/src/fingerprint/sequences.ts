import type { Fingerprint, SequenceFingerprint } from '@lifeboat/shared/domain/fingerprint.ts'
import type pg from 'pg'
import { quoteIdent, quoteLiteral } from '../sql-text.ts'

/** Read by one statement; a cluster with a hundred thousand sequences still costs only a few hundred round trips. */
const BATCH = 200

const SEQUENCES = `
  select n.nspname as schema, c.relname as name
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
   where c.relkind = 'S' and c.relpersistence <> 't' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
     and (exists (select from pg_extension e where c.oid = any (e.extconfig)) or not exists (
           select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'))`

export async function measureSequences(client: pg.ClientBase): Promise<SequenceFingerprint[]> {
  const { rows: sequences } = await client.query<{ schema: string; name: string }>(SEQUENCES)
  const measured: SequenceFingerprint[] = []
  for (let from = 0; from < sequences.length; from += BATCH) {
    const { rows } = await client.query<SequenceFingerprint>(readAll(sequences.slice(from, from + BATCH)))
    measured.push(...rows)
  }
  return measured.sort((a, b) => (sequenceName(a) < sequenceName(b) ? -1 : 1))
}

function readAll(sequences: readonly { schema: string; name: string }[]): string {
  return sequences
    .map(
      ({ schema, name }) =>
        `select ${quoteLiteral(schema)}::text as schema, ${quoteLiteral(name)}::text as name, last_value::text as "lastValue", is_called as "isCalled"
           from ${quoteIdent(schema)}.${quoteIdent(name)}`,
    )
    .join(' union all ')
}

/**
 * Adds what sequences have become by the end of the dump. A sequence that vanished or came up meanwhile stays as it was measured first.
 *
 * @param later `measureSequences` once more, after pg_dump ended
 */
export function withLaterSequences(fingerprint: Fingerprint, later: readonly SequenceFingerprint[]): Fingerprint {
  const byName = new Map(later.map((sequence) => [sequenceName(sequence), sequence]))
  const sequences = fingerprint.sequences.map((sequence) => {
    const now = byName.get(sequenceName(sequence))
    const moved = now && (now.lastValue !== sequence.lastValue || now.isCalled !== sequence.isCalled)
    return moved ? { ...sequence, later: { lastValue: now.lastValue, isCalled: now.isCalled } } : sequence
  })
  return { ...fingerprint, sequences }
}

function sequenceName({ schema, name }: SequenceFingerprint): string {
  return `${quoteIdent(schema)}.${quoteIdent(name)}`
}
