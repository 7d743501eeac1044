import { realpath } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { connectSource, type SourceConnection } from '@lifeboat/postgres/connection.ts'
import { pick } from '@lifeboat/recovery/bare/pick.ts'
import { type PlannedCluster, planCluster } from '@lifeboat/recovery/bare/plan-cluster.ts'
import type { PhysicalManifest } from '@lifeboat/recovery/extract/extract-backup.ts'
import type { PlannedWal } from '@lifeboat/recovery/plan/plan.ts'
import { asideForm } from '@lifeboat/recovery/swap/aside-names.ts'
import type { ClusterWish, RestorePlan } from '@lifeboat/shared/domain/restore.ts'
import { ErrorReportSchema } from '@lifeboat/shared/errors/error-report.ts'
import { type ErrorReport, LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Target } from '@lifeboat/storage/target.ts'
import { missingHooks } from '../admit.ts'
import { type Choose, type CopyChosen, chooseCopy } from '../choose-copy.ts'
import { plannedHooks } from '../planned-hooks.ts'
import type { FindingPlan } from '../planning.ts'
import { demandPromised, walReachOf } from './demand-promised.ts'
import { type ClusterReach, losesLess, reachOf } from './loses-less.ts'
import { placeNotes } from './place-notes.ts'
import { type Site, siteOf } from './site.ts'
import { BESIDE_ALREADY, unfitOf } from './unfit.ts'

export type ClusterPlanning = FindingPlan<ClusterWish>

export interface PlannedRestore {
  plan: RestorePlan
  planned: PlannedCluster
  target: Target
  site: Site
}

/** What would happen to the cluster, and what stands against it. Touches nothing. @throws LifeboatError when there is no way at all */
export async function planClusterRestore(about: ClusterPlanning, signal: AbortSignal): Promise<PlannedRestore> {
  const { of, wish, hooks } = about
  const site = await siteOf(of, wish, about)
  const copy = await chooseChain(about, site.folder, signal)
  const planned = copy.chosen
  const { told } = planned
  const { physical, server } = planned.chain.at(-1) as PhysicalManifest
  const cluster = { systemIdentifier: server.systemIdentifier, tablespaces: physical.tablespaces.length }
  const unfit = await unfitOf(site, wish, cluster)
  const known = unfit.includes(BESIDE_ALREADY) ? 'RECOVERY_PLACE_TAKEN' : undefined
  const obstacles = told.obstacles.filter(({ code }) => code !== known)
  for (const problem of unfit)
    obstacles.push(new LifeboatError('RESTORE_CLUSTER_UNFIT', { problem, place: site.dataDirectory }).toReport())
  const inPlace = wish.place === 'in place'
  const missing = missingHooks(hooks)
  if (inPlace && !wish.pause && missing.length > 0)
    obstacles.push(new LifeboatError('RESTORE_HOOKS_WANTED', { missing }).toReport())
  const now = inPlace ? await lookAtPresent(of.server, site, obstacles) : { sessions: [], notes: [] }
  const planHooks = inPlace ? plannedHooks(hooks, of.restore, obstacles) : []
  return { plan: planOf(about, { site, copy, now, planHooks, obstacles }), planned, target: copy.target, site }
}

/**
 * The target from which there is a way, with backups, chain, and WAL without a hole, and from where least is lost before the goal. Also of one backup: how far the WAL behind it
 * leads is another thing at each target, and the one of the plan may be away when its order is obeyed.
 *
 * @throws LifeboatError RESTORE_LOSES_MORE | what the first target said, when none can help
 */
export async function chooseChain(
  {
    cfg,
    of,
    sourceId,
    wish,
    backupId,
    targets,
    unproven,
    reader,
    key,
    clock,
    patienceMs,
    awaiting,
    onWait,
    promised,
  }: ClusterPlanning,
  folder: string | undefined,
  signal: AbortSignal,
): Promise<CopyChosen<PlannedCluster>> {
  const { goal, timeline } = wish
  const by = { cfg, restore: of.restore, signal, patienceMs, awaiting, onWait }
  const choose: Choose<FoundWay> = async (sight, target, signal) => {
    const picked = pick(sight, { sourceId, backupId, goal, dump: false, unproven })
    if (picked.kind !== 'cluster')
      throw new LifeboatError('RECOVERY_NO_BASE', { backupId, problem: 'it is of a database, not of the cluster' })
    const { run, ...own } = reader(target)
    const asked = { ...own, run: { ...run, signal } }
    const planned = await planCluster(asked, picked, { goal, timeline, folder }, clock, key)
    const lacking = planned.told.obstacles.find(({ code }) => code === 'ARTIFACT_PART_MISSING')
    if (lacking) throw new LifeboatError(lacking.code, lacking.facts)
    const usable = picked.usable.map(({ manifest }) => manifest)
    return { planned, reach: reachOf(planned, usable) }
  }
  const isBetter = (one: FoundWay, than: FoundWay) => losesLess(one.reach, than.reach)
  const { chosen, ...copy } = await chooseCopy({ sourceId, targets }, by, choose, isBetter)
  demandPromised(promised, walReachOf(chosen.planned.plan), copy)
  return { ...copy, chosen: chosen.planned }
}

interface FoundWay {
  planned: PlannedCluster
  reach: ClusterReach
}

interface Composed {
  site: Site
  copy: CopyChosen<PlannedCluster>
  now: Pick<RestorePlan, 'sessions' | 'notes'>
  planHooks: RestorePlan['hooks']
  obstacles: ErrorReport[]
}

function planOf(about: ClusterPlanning, { site, copy, now, planHooks, obstacles }: Composed): RestorePlan {
  const { cfg, of, sourceId, wish } = about
  const { told, plan, chain } = copy.chosen
  const backup = told.backups.at(-1)
  if (!backup) throw new LifeboatError('INTERNAL', { message: 'the plan names no backup' })
  const { port } = wish
  return {
    ...{ sourceId, agentId: cfg.agentId, database: of.database, backup, targetId: copy.target.id },
    cluster: {
      ...{ place: site.place, goal: told.goal ?? '', chain: told.backups, dataDirectory: site.dataDirectory },
      ...(plan.timeline !== 'current' && { timeline: plan.timeline }),
      ...(plan.wal && { wal: walOf(plan.wal) }),
      ...(wish.pause && { pause: true }),
      ...(port !== undefined && { port }),
      ...(site.present && { aside: keptAs(site) }),
    },
    passedOver: copy.passedOver,
    server: {
      ...{ major: told.server.major, version: told.server.version },
      extensions: Object.keys((chain.at(-1) as PhysicalManifest).server.extensions),
    },
    fetchBytes: told.fetchBytes,
    disks: told.disk ? [{ of: 'the cluster', ...told.disk }] : [],
    ...{ sessions: now.sessions, hooks: planHooks },
    ...(told.drillMs === undefined ? {} : { drillMs: told.drillMs }),
    ...{ loss: told.loss, signatures: of.restore.signatures },
    obstacles: obstacles.map((each) => ErrorReportSchema.parse(each)),
    notes: [...told.notes, ...now.notes, ...placeNotes(site, wish)],
  }
}

/** Named only when it is swapped: a release lets go of what had been put aside when it was signed. */
function keptAs({ dataDirectory }: Site): string {
  return join(dirname(dataDirectory), asideForm(basename(dataDirectory)))
}

function walOf({ from, end, objects, bytes }: PlannedWal) {
  return { from, end, objects: objects.length, bytes }
}

const PRESENT = `select current_setting('data_directory') as folder`
const SESSIONS = `
  select coalesce(usename, '') as user, coalesce(application_name, '') as application, count(*)::int as count
  from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid() group by 1, 2 order by 3 desc, 1, 2`

/** A server that is lost answers nothing; one that answers must be the one whose data directory is named. */
async function lookAtPresent(server: SourceConnection, { dataDirectory }: Site, obstacles: ErrorReport[]) {
  try {
    await using client = await connectSource(server, { applicationName: 'lifeboat restore', lockTimeoutMs: 10_000 })
    const { rows } = await client.query<{ folder: string }>(PRESENT)
    const folder = String(rows[0]?.folder)
    if ((await realpath(folder).catch(() => folder)) !== dataDirectory)
      obstacles.push(
        new LifeboatError('RESTORE_CLUSTER_UNFIT', {
          problem: 'the server keeps its data elsewhere',
          serverSays: folder,
          place: dataDirectory,
        }).toReport(),
      )
    const { rows: sessions } = await client.query<RestorePlan['sessions'][number]>(SESSIONS)
    return { sessions, notes: [] }
  } catch (thrown) {
    const { code } = LifeboatError.from(thrown)
    if (code === 'INTERNAL') throw thrown
    return { sessions: [], notes: [`The server does not answer now (${code}); nobody knows who is connected.`] }
  }
}
