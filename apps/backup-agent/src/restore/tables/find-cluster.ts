import { join } from 'node:path'
import { artifactOf } from '@lifeboat/recovery/dump/open-dump.ts'
import type { PhysicalManifest } from '@lifeboat/recovery/extract/extract-backup.ts'
import type { SourceId } from '@lifeboat/shared/domain/ids.ts'
import { demandServer } from '@lifeboat/shared/domain/manifest.ts'
import type { TablesWish } from '@lifeboat/shared/domain/restore-tables.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { chooseChain } from '../cluster/plan.ts'
import type { Restorable } from '../restorable.ts'
import type { FoundBackup } from './find-backup.ts'
import type { TablesPlanning } from './plan.ts'

/** Where a cluster is recovered to for its tables; no source is called like that, so it is nobody's cluster beside. @throws LifeboatError RESTORE_NOT_SET_UP */
export function clusterFolder({ restore }: Pick<Restorable, 'restore'>, sourceId: SourceId): string {
  if (restore.clusters === undefined)
    throw new LifeboatError('RESTORE_NOT_SET_UP', { sourceId, missing: 'restore.clusters of the agent' })
  return join(restore.clusters, `${sourceId}.tables`)
}

/** The cluster as of a moment. @throws LifeboatError when no way leads there */
export async function findCluster(
  about: TablesPlanning,
  goal: NonNullable<TablesWish['goal']>,
  signal: AbortSignal,
): Promise<FoundBackup> {
  const { of, sourceId, wish } = about
  const { timeline } = wish
  const place = { place: 'beside', goal, ...(timeline !== undefined && { timeline }) } as const
  const copy = await chooseChain({ ...about, wish: place }, clusterFolder(of, sourceId), signal)
  const { told, chain } = copy.chosen
  const backup = told.backups.at(-1)
  if (!backup) throw new LifeboatError('INTERNAL', { message: 'the plan names no backup' })
  return {
    ...{ from: 'cluster', target: copy.target, passedOver: copy.passedOver, backup, cluster: copy.chosen },
    ...{ manifest: demandServer(chain.at(-1) as PhysicalManifest), rows: new Map(), fetchBytes: told.fetchBytes },
    ...{
      meanwhile: told.disk && { of: 'the cluster meanwhile', ...told.disk },
      drillMs: told.drillMs,
      loss: told.loss,
    },
    obstacles: [...told.obstacles],
    notes: [
      `The cluster is recovered to ${told.goal} in a folder of the agent, and thrown away when the tables were read.`,
      artifactOf(chain.at(-1) as PhysicalManifest, 'relations')
        ? 'The backup lists which files hold which tables: those of others are not extracted, unless it turns out that they are needed. So there has to be room for all of them.'
        : 'The backup has no list of relations: all of it is extracted.',
      ...(told.backups.length > 1
        ? [
            `It is built on ${told.backups
              .slice(0, -1)
              .map(({ backupId }) => backupId)
              .join(', ')}.`,
          ]
        : []),
      ...told.notes,
    ],
  }
}
