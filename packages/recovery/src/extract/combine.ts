import { execFile } from 'node:child_process'
import { mkdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { drain } from '@lifeboat/postgres/pipeline/drain.ts'
import { runPipeline } from '@lifeboat/postgres/pipeline/run-pipeline.ts'
import type { Account } from '@lifeboat/postgres/scratch/owner.ts'
import type { PostgresTools } from '@lifeboat/postgres/tools/find-tools.ts'
import { BASE_ENV, type Stage } from '@lifeboat/postgres/tools/stage.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Run } from '@lifeboat/shared/run/run.ts'
import type { Extracted } from './extract-backup.ts'
import { asDamaged } from './verify-files.ts'

const execute = promisify(execFile)

/** How whole files get from the old backup to the new one, best first; the last works everywhere. */
const METHODS: readonly { flag: string; since: number }[] = [
  { flag: '--link', since: 18 },
  { flag: '--clone', since: 17 },
  { flag: '--copy-file-range', since: 17 },
  { flag: '--copy', since: 17 },
]

/**
 * Puts a full base and its incrementals together into a new folder by pg_combinebackup, and removes them.
 *
 * Where the program can, unchanged files are linked or cloned, so that only changed ones are written again.
 *
 * @param backups oldest first, at least two; `forgetOldTablespaces` was asked for the last one
 * @throws LifeboatError RECOVERY_COMBINE_FAILED | TOOL_…
 */
export async function combineBackups(
  backups: readonly Extracted[],
  to: { folder: string; account: Account },
  tools: PostgresTools,
  run: Run,
): Promise<Extracted & { versionLine: string }> {
  const { path, versionLine } = await tools.program('pg_combinebackup')
  const last = backups.at(-1) as Extracted
  const combined = placesIn(to.folder, last)
  const methods = METHODS.filter(({ since }) => tools.major >= since)
  let failure: LifeboatError | undefined
  for (const { flag } of methods) {
    await mkdir(join(to.folder, 'tablespaces'), { recursive: true, mode: 0o700 })
    const stage = stageOf(path, flag, backups, combined)
    failure = await runPipeline([stage], drain, run).then(() => undefined, LifeboatError.from)
    run.signal.throwIfAborted()
    if (failure === undefined) break
    // A file system that cannot link or clone says so at the first file; anything else comes again when copying.
    for (const each of ['data', 'tablespaces']) await rm(join(to.folder, each), { recursive: true, force: true })
  }
  if (failure) throw asDamaged(failure, 'RECOVERY_COMBINE_FAILED')
  for (const { dataDir } of backups) await rm(dirname(dataDir), { recursive: true, force: true })
  await giveTo(to.account, [combined.dataDir, join(to.folder, 'tablespaces')])
  return { ...combined, versionLine }
}

function placesIn(folder: string, { tablespaces }: Extracted): Extracted {
  const moved = [...tablespaces.keys()].map((oid) => [oid, join(folder, 'tablespaces', oid)] as const)
  return { dataDir: join(folder, 'data'), tablespaces: new Map(moved) }
}

/** @see https://www.postgresql.org/docs/current/app-pgcombinebackup.html – `=` in a path is written `\=` */
function stageOf(program: string, flag: string, backups: readonly Extracted[], combined: Extracted): Stage {
  const last = backups.at(-1) as Extracted
  const escaped = (path: string | undefined) => (path ?? '').replaceAll('=', String.raw`\=`)
  const moved = [...last.tablespaces].flatMap(([oid, from]) => [
    '-T',
    `${escaped(from)}=${escaped(combined.tablespaces.get(oid))}`,
  ])
  const args = [flag, '--no-sync', ...moved, `--output=${combined.dataDir}`, ...backups.map(({ dataDir }) => dataDir)]
  return { tool: 'pg_combinebackup', program, args, env: BASE_ENV }
}

/** The program ran as we do, which may be as root. */
async function giveTo({ uid, gid }: Account, folders: readonly string[]): Promise<void> {
  if (process.getuid?.() === 0) await execute('chown', ['-R', '-h', `${uid}:${gid}`, ...folders])
}
