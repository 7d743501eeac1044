import type { PolicyConfig } from '@lifeboat/config/schema/policy.ts'
import { BackupStarted } from '@lifeboat/shared/bus/messages/backup.ts'
import { PartSealed } from '@lifeboat/shared/bus/messages/part.ts'
import { type BackupId, type BackupKind, type Moment, moment } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Run } from '@lifeboat/shared/run/run.ts'
import { type Attempt, aboutOf } from './attempt.ts'
import { takeBase } from './attempt-base.ts'
import { takeDump } from './attempt-dump.ts'
import { takeFiles } from './attempt-files.ts'
import { takeTables } from './attempt-tables.ts'
import type { BackupRun } from './backup-run.ts'
import type { AgentSource, DatabaseSource, FileSource } from './config.ts'
import type { AgentDeps } from './deps.ts'
import { type SealFacts, sealBackup } from './phases/seal.ts'
import { partWriter } from './spool/part-writer.ts'
import type { Spooled } from './spool/spool.ts'

export type AttemptDeps = Pick<
  AgentDeps,
  'bus' | 'spool' | 'signer' | 'cfg' | 'roads' | 'clock' | 'events' | 'log' | 'withoutMd5'
>

export interface Work<S extends AgentSource = DatabaseSource> {
  source: S
  policy: PolicyConfig
  spooled: Spooled
  run: Run
}

/** What one kind of backup has to say once all its parts are in the spool; the rest of the manifest is the same for all. */
export type Taken = Omit<SealFacts, 'fleetId' | 'database' | 'recipients' | 'sealedAt' | 'spoolUrl'>

/** Nothing was written: an earlier backup holds all there was at this moment. */
export interface Unchanged {
  unchanged: BackupId
  unchangedAt: Moment
}

/** What an attempt is handed besides: it says when the backup has begun, once, before its first part. */
export type Announcing<S extends AgentSource> = Work<S> & { announce: () => Promise<void> }

type Take<S extends AgentSource> = (
  run: BackupRun<S>,
  deps: AttemptDeps,
  work: Announcing<S>,
) => Promise<Taken | Unchanged>

const TAKE: Record<BackupKind, Take<AgentSource>> = {
  dump: announced(ofDatabases(takeDump)),
  base: announced(ofDatabases(takeBase)),
  incremental: announced(ofDatabases(takeBase)),
  tables: ofDatabases(takeTables),
  files: ofFiles(takeFiles),
}

/** Most kinds write something whatever they find. */
function announced(take: Take<AgentSource>): Take<AgentSource> {
  return async (run, deps, work) => {
    await work.announce()
    return take(run, deps, work)
  }
}

function ofDatabases(take: Take<DatabaseSource>): Take<AgentSource> {
  return async (run, deps, work) => {
    const { source } = work
    if ('files' in source) throw unfit(work)
    return take({ ...run, source }, deps, { ...work, source })
  }
}

function ofFiles(take: Take<FileSource>): Take<AgentSource> {
  return async (run, deps, work) => {
    const { source } = work
    if (!('files' in source)) throw unfit(work)
    return take({ ...run, source }, deps, { ...work, source })
  }
}

/** Two files of configuration that disagree: `config check` refuses it within one. */
function unfit({ spooled }: Work<AgentSource>): LifeboatError {
  const { sourceId, policyId, kind } = spooled.attempt
  return new LifeboatError('SOURCE_KIND_UNFIT', { sourceId, policyId, kind })
}

/**
 * One attempt from its announcement to the signed manifest in the spool. Parts are announced as they are sealed; nothing of them counts before
 * the manifest. Leaves its folder to the caller when it fails.
 *
 * @returns undefined for a sealed backup
 * @throws LifeboatError of every phase; the run's abort reason
 */
export async function attemptBackup(deps: AttemptDeps, work: Work<AgentSource>): Promise<Unchanged | undefined> {
  const { attempt } = work.spooled
  const run = backupRun(deps, work)
  const announce = () => tellStarted(deps, attempt)
  const taken = await TAKE[attempt.kind](run, deps, { ...work, announce })
  if ('unchanged' in taken) return taken
  run.enter('seal')
  run.signal.throwIfAborted()
  const { cfg, clock, signer } = deps
  const about = {
    ...{ fleetId: cfg.fleetId, recipients: [...cfg.recipients], spoolUrl: cfg.url },
    ...('files' in work.source ? {} : { database: work.source.connection.database }),
    sealedAt: moment(clock.now()),
  }
  await sealBackup(work.spooled, { ...about, ...taken }, signer)
  return undefined
}

async function tellStarted({ bus }: AttemptDeps, attempt: Attempt): Promise<void> {
  const { attempt: count, startedAt, targets, requiredCopies } = attempt
  await bus.publish(BackupStarted, { ...aboutOf(attempt), attempt: count, startedAt, targets, requiredCopies })
}

function backupRun(deps: AttemptDeps, { source, spooled, run }: Work<AgentSource>): BackupRun<AgentSource> {
  const { cfg, spool, withoutMd5 } = deps
  const { attempt } = spooled
  const log = run.log.child({ backupId: attempt.backupId })
  const cluster: Pick<PartSealed, 'systemIdentifier'> = {}
  return {
    ...run,
    log,
    source,
    search: { toolPaths: cfg.toolPaths },
    recipients: cfg.recipients,
    applicationName: `lifeboat ${cfg.agentId}`,
    isOf(systemIdentifier) {
      cluster.systemIdentifier = systemIdentifier
    },
    enter(phase) {
      run.signal.throwIfAborted()
      log.info({ event: 'run.phase', phase }, 'entered a phase')
    },
    writer: (artifact, onBytes) =>
      partWriter({
        ...{ spool, to: spooled, artifact, signal: run.signal },
        ...(onBytes === undefined ? {} : { onBytes }),
        wantsMd5: () => attempt.targets.some((target) => !withoutMd5.has(target)),
        onPart: (part) => announcePart(deps, spooled, { artifact, part, ...cluster }),
      }),
  }
}

async function announcePart(
  { bus, cfg, events, log }: AttemptDeps,
  { attempt }: Spooled,
  of: Pick<PartSealed, 'artifact' | 'part' | 'systemIdentifier'>,
): Promise<void> {
  const { backupId, sourceId, agentId, policyId, targets } = attempt
  const about = { backupId, sourceId, agentId, policyId, targets }
  const { artifact, part } = of
  await bus.publish(PartSealed, { ...about, ...of, spoolUrl: cfg.url })
  events.partSealed(log, { sourceId, backupId, artifact, partNo: part.no, bytes: part.bytes })
}
