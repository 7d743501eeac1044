import { artifactOf } from '@lifeboat/recovery/dump/open-dump.ts'
import type { PhysicalManifest } from '@lifeboat/recovery/extract/extract-backup.ts'
import { demandKey } from '@lifeboat/recovery/fetch/demand-key.ts'
import type { Goal } from '@lifeboat/recovery/goal.ts'
import { type Archive, listArchive } from '@lifeboat/recovery/list-archive.ts'
import { planRecovery, type RecoveryPlan } from '@lifeboat/recovery/plan/plan.ts'
import type { Sha256 } from '@lifeboat/shared/domain/ids.ts'
import { demandServer, type Manifest } from '@lifeboat/shared/domain/manifest.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Drill } from '../../drill.ts'
import { type Asked, passed } from '../../findings.ts'
import { readerOf } from '../../reader.ts'
import { fetchManifest, fetchParentManifest } from '../fetch-manifest.ts'
import { openSmall } from '../open-small.ts'
import { checkDocuments, takeInventory } from '../take-inventory.ts'
import { breaksWal } from './broken-wal.ts'
import { demandHeld } from './demand-held.ts'

/** A physical backup with all it is built on, oldest first; nothing large was fetched yet. */
export interface FetchedChain {
  manifests: readonly [PhysicalManifest, ...PhysicalManifest[]]
  last: PhysicalManifest
  plan: RecoveryPlan
  archive: Archive
}

/** A chain longer than any policy allows is a circle. */
const LONGEST_CHAIN = 1000

/**
 * Reads the manifests of a chain, compares each with what lies at the target, opens the list of files, and plans the recovery through the WAL.
 *
 * @param note told the digest of the drilled backup's own manifest as soon as it is known
 */
export async function fetchChain(drill: Drill, note: (sha256: Sha256) => void): Promise<FetchedChain> {
  const signed = await fetchManifest(drill)
  note(signed.sha256)
  const last = physical(signed.manifest)
  let manifests: FetchedChain['manifests'] = [last]
  await takeInventory(drill, last)
  await checkDocuments(drill, last)
  for (let parent = last.physical.parent; parent !== undefined; parent = manifests[0].physical.parent) {
    if (manifests.length > LONGEST_CHAIN)
      throw new LifeboatError('MANIFEST_TAMPERED', { problem: 'the chain is a circle' })
    const { manifest } = await fetchParentManifest(drill, parent)
    await takeInventory(drill, manifest)
    manifests = [physical(manifest), ...manifests]
  }
  await openLists(drill, manifests)
  return { manifests, last, ...(await planAhead(drill, manifests, last)) }
}

function physical(manifest: Manifest): PhysicalManifest {
  const { physical } = manifest
  if (physical) return { ...demandServer(manifest), physical }
  throw new LifeboatError('MANIFEST_TAMPERED', { problem: 'it is of no physical backup', backupId: manifest.backupId })
}

/** The small artifacts: whether our key opens them, before gigabytes are fetched. Of the parents only the list is needed. */
async function openLists(drill: Drill, manifests: FetchedChain['manifests']): Promise<void> {
  await drill.findings.ask({ check: 'decrypt' }, async (): Promise<Asked<undefined>> => {
    for (const manifest of manifests) {
      await demandKey(readerOf(drill), manifest)
      if (!artifactOf(manifest, 'backup-manifest'))
        throw new LifeboatError('ARTIFACT_PART_MISSING', { problem: 'the manifest lists no backup_manifest' })
      const isLast = manifest === manifests.at(-1)
      await openSmall(drill, manifest, ['backup-manifest', ...(isLast ? (['relations', 'config-files'] as const) : [])])
    }
    return { value: undefined, ...passed('The identity of this verifier opens the artifacts.') }
  })
}

const NO_ARCHIVE: Archive = { wal: [], histories: new Map() }

/** To the end of the backup there is nothing to plan; anything else leads through the archive. Where that leads nowhere, the copy is judged by its end. */
async function planAhead(
  drill: Drill,
  manifests: FetchedChain['manifests'],
  last: PhysicalManifest,
): Promise<Pick<FetchedChain, 'plan' | 'archive'>> {
  const { backupId, sourceId, server, physical } = last
  const goal = goalOf(drill.wish)
  if (goal.to === 'end of backup') return toItsEnd(manifests, last, drill)
  const stock = { backups: manifests, now: drill.deps.clock.now() }
  const question = async (): Promise<Asked<Pick<FetchedChain, 'plan' | 'archive'>>> => {
    const { systemIdentifier } = server
    const archive = await listArchive(readerOf(drill), sourceId, {
      systemIdentifier,
      segmentBytes: physical.segmentBytes,
    })
    const plan = planRecovery({ ...stock, ...archive }, { goal, from: backupId })
    demandHeld(drill.wish.held, plan)
    const { objects = [], end } = plan.wal ?? {}
    return {
      value: { archive, plan },
      ...passed(`The archive leads to ${end} without a hole, in ${objects.length} objects behind the backup.`),
    }
  }
  const found = await drill.findings.askOrElse({ check: 'wal', subject: 'archive' }, question, (err) =>
    breaksWal(drill, err, last),
  )
  return found ?? toItsEnd(manifests, last, drill)
}

/** The same chain, recovered no further than the backup itself leads. */
export function toItsEnd(
  manifests: FetchedChain['manifests'],
  { backupId }: PhysicalManifest,
  { deps }: Pick<Drill, 'deps'>,
): Pick<FetchedChain, 'plan' | 'archive'> {
  const stock = { backups: manifests, now: deps.clock.now(), ...NO_ARCHIVE }
  return { archive: NO_ARCHIVE, plan: planRecovery(stock, { goal: { to: 'end of backup' }, from: backupId }) }
}

function goalOf({ recoverTo }: Drill['wish']): Goal {
  if (recoverTo === undefined) return { to: 'end of backup' }
  return recoverTo === 'latest' ? { to: 'latest' } : { to: 'time', time: recoverTo.time }
}
