import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KvCatalog } from '@lifeboat/catalog/kv-catalog.ts'
import { FilesSourceConfig } from '@lifeboat/files/source-config.ts'
import type { BackupRequested } from '@lifeboat/shared/bus/messages/backup.ts'
import { BackupFailed, BackupSealed } from '@lifeboat/shared/bus/messages/backup.ts'
import { Manifest } from '@lifeboat/shared/domain/manifest.ts'
import type { ErrorReport } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { verifySigned } from '@lifeboat/shared/signing/signing.ts'
import type { AgentConfig } from '../src/config.ts'
import { type AgentHouse, type RunningAgent, SOURCE } from './agent-house.ts'

/** One tree of files and the agent that backs it up. */
export interface FilesHouse extends AsyncDisposable {
  /** The tree. */
  readonly root: string
  readonly agent: RunningAgent
  /** Asks for a backup and waits until it is sealed. */
  backup(change?: Partial<BackupRequested>): Promise<Sealed>
  /** Asks for a backup and does not wait. */
  wish(): Promise<BackupRequested>
  /** Asks for a backup that will not come about. */
  failure(): Promise<ErrorReport>
  /** Tells the catalogue of a backup, as the scheduler would. */
  noteSealed(sealed: { backupId: string }): Promise<void>
  /** Follows RECOVER.md of a backup word by word, its parents beside it. @returns the folder with the tree */
  recover(sealed: Sealed): Promise<string>
}

export interface Sealed {
  backupId: string
  manifest: Manifest
  files: NonNullable<Manifest['files']>
  /** Lines of the lists of members, in order. */
  lines: Record<string, unknown>[]
}

export interface FilesChange {
  source?: Record<string, unknown>
  policy?: Record<string, unknown>
  spool?: Partial<AgentConfig['spool']>
  toolPaths?: string[]
  /** A script in place of tar, given where the tree is. */
  meanwhile?: (root: string) => string
}

export async function openFilesHouse(house: AgentHouse, change: FilesChange = {}): Promise<FilesHouse> {
  await using opening = new AsyncDisposableStack()
  const folder = opening.adopt(await mkdtemp(join(tmpdir(), 'lifeboat-files-')), (path) =>
    rm(path, { recursive: true, force: true }),
  )
  const root = join(folder, 'tree')
  await mkdir(root)
  const fake = change.meanwhile && fakeTar(folder, change.meanwhile(root))
  const toolPaths = [...(change.toolPaths ?? []), ...(fake ? [fake] : [])]
  const policy = { kind: 'files', ...change.policy }
  const plain = house.config({ policy, toolPaths, ...(change.spool && { spool: change.spool }) })
  const files = FilesSourceConfig.parse({ kind: 'files', agent: plain.agentId, root, ...change.source })
  const cfg: AgentConfig = { ...plain, sources: new Map([[SOURCE, { files }]]) }
  const agent = opening.use(await house.agent(cfg))
  const owned = opening.move()
  const folderOf = (backupId: string) => join(agent.deps.spool.path, 'backups', backupId)
  let recovered = 0
  return {
    ...{ root, agent },
    async backup(wish = {}) {
      const { runId } = await house.wish(cfg, { kind: 'files', ...wish })
      const { backupId } = await house.fact(BackupSealed, (fact) => fact.runId === runId)
      const text = await readFile(join(folderOf(backupId), 'manifest.json'), 'utf8')
      const { document } = await verifySigned(text, 'lifeboat-manifest', { [cfg.agentId]: house.publicKey })
      const manifest = Manifest.parse(document)
      const lists = manifest.artifacts.filter(({ role }) => role === 'members')
      const lines = lists.flatMap(({ name }) =>
        opened(folderOf(backupId), name, house.identityFile).toString('utf8').trim().split('\n').filter(Boolean),
      )
      return {
        backupId,
        manifest,
        files: manifest.files as Sealed['files'],
        lines: lines.map((line) => JSON.parse(line)),
      }
    },
    wish: () => house.wish(cfg, { kind: 'files' }),
    async failure() {
      const { runId } = await house.wish(cfg, { kind: 'files' })
      const { error } = await house.fact(BackupFailed, (fact) => fact.runId === runId)
      return error as ErrorReport
    },
    async noteSealed({ backupId }) {
      const fact = await house.fact(BackupSealed, (each) => each.backupId === backupId)
      const catalog = await KvCatalog.open(house.bus)
      await catalog.apply({ subject: 'backup.sealed', data: fact })
    },
    async recover({ backupId }) {
      const copies = join(folder, `copies-${recovered++}`)
      await cp(join(agent.deps.spool.path, 'backups'), copies, { recursive: true })
      const page = readFileSync(join(copies, backupId, 'RECOVER.md'), 'utf8')
      const into = join(copies, 'into')
      const env = { PATH: process.env.PATH ?? '', IDENTITY: house.identityFile, INTO: into }
      for (const [, script] of page.matchAll(/^```sh\n([\s\S]*?)^```/gm))
        execFileSync('sh', ['-ec', script ?? ''], {
          cwd: join(copies, backupId),
          env,
          stdio: ['ignore', 'pipe', 'pipe'],
        })
      return into
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** A folder with a program called tar that is this script. */
export function fakeTar(folder: string, script: string): string {
  const bin = mkdtempSync(join(folder, 'bin-'))
  writeFileSync(
    join(bin, 'tar'),
    `#!/bin/sh\ncase "$1" in --version) exec /usr/bin/tar --version;; esac\ncase " $* " in *--files-from=-*) ;; *) exec /usr/bin/tar "$@";; esac\n${script}\n`,
    { mode: 0o755 },
  )
  return bin
}

/** Everything `find` tells of a tree that a backup has to keep, its contents besides. */
export function described(root: string): string {
  const script = `cd "$ROOT" && find . -printf '%p %y %m %U %G %l\\n' | LC_ALL=C sort && find . -type f -print0 | LC_ALL=C sort -z | xargs -0r sha256sum`
  return execFileSync('sh', ['-ec', script], { env: { ...process.env, ROOT: root }, encoding: 'latin1' })
}

/** What an artifact holds, by the stock programs. */
export function opened(folder: string, artifact: string, identity: string): Buffer {
  const script = `cat ${artifact}.[0-9]* | age -d -i "$IDENTITY" | zstd -d`
  const env = { PATH: process.env.PATH ?? '', IDENTITY: identity }
  return execFileSync('sh', ['-ec', script], { cwd: folder, env, maxBuffer: 1e9 })
}
