import type { ArtifactName, BackupId, SourceId } from '@lifeboat/shared/domain/ids.ts'
import { documentKey, manifestKey, partKey } from '@lifeboat/shared/domain/keys.ts'
import { segmentAt, walKey } from '@lifeboat/shared/domain/wal.ts'
import { expect, test } from 'vitest'
import { LEAST_MOVED_BYTES, moveMark } from './move-mark.ts'

const source = 'records' as SourceId
const backup = (kind: string) => `20260926T020000Z-${kind}-k3f9qa` as BackupId
const part = (kind: string) => partKey(source, backup(kind), 'db.dump.zst.age' as ArtifactName, 7)
const transition = { class: 'STANDARD_IA', days: { dump: 30, base: 60 } }
const bytes = LEAST_MOVED_BYTES
const asPart = { role: 'part', bytes } as const

test('parts of the kinds that are named are marked with their kind and age, parts of other kinds are not', () => {
  expect(moveMark(transition, part('dump'), asPart)).toEqual({ kind: 'dump', days: 30 })
  expect(moveMark(transition, part('base'), asPart)).toEqual({ kind: 'base', days: 60 })
  for (const kind of ['incremental', 'files', 'tables', 'wal'])
    expect(moveMark(transition, part(kind), asPart)).toBeUndefined()
})

test('nothing is marked where the target has no transition', () => {
  expect(moveMark(undefined, part('dump'), asPart)).toBeUndefined()
})

test('manifests, documents, WAL, evidence and markers are never marked, whatever their keys and sizes', () => {
  const wal = walKey(source, { kind: 'segment', segment: segmentAt(1, 0n, 1 << 24), digest: 'a'.repeat(16) })
  for (const role of ['wal', 'document', 'manifest', 'evidence', 'marker'] as const)
    for (const key of [part('dump'), manifestKey(source, backup('dump')), wal])
      expect(moveMark(transition, key, { role, bytes }), `${role} ${key}`).toBeUndefined()
  for (const key of [manifestKey(source, backup('dump')), documentKey(source, backup('dump'), 'RECOVER.md'), wal])
    expect(moveMark(transition, key, asPart), key).toBeUndefined()
})

test('a part so small that its class bills more than it holds stays', () => {
  expect(moveMark(transition, part('dump'), { role: 'part', bytes: bytes - 1 })).toBeUndefined()
})
