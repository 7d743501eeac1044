import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { FilesSourceConfig } from '@lifeboat/files/source-config.ts'
import { RestorePlanned, RestorePlanRequested } from '@lifeboat/shared/bus/messages/restore.ts'
import { moment, newRestoreId, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { Manifest } from '@lifeboat/shared/domain/manifest.ts'
import type { RestoreOrder } from '@lifeboat/shared/domain/restore.ts'
import { sealEvidence } from '@lifeboat/testkit/seal-evidence.ts'
import { type SealFilesOptions, sealFiles } from '@lifeboat/testkit/seal-files.ts'
import type { AgentConfig, Hook } from '../src/config.ts'
import type { AgentDeps } from '../src/deps.ts'
import { SOURCE } from './agent-house.ts'
import { openRestoreHouse, type RestoreHouse } from './restore-house.ts'

/** A tree of files, copies of it that are lent, and an agent that brings it back on command. */
export interface TreeHouse extends AsyncDisposable {
  at: RestoreHouse
  config(source?: Record<string, unknown>): AgentConfig
  /** `restore` of the agent, as it stands in lifeboat.yaml. */
  section: Record<string, unknown>
  /** A tree of its own: every test begins with one. */
  tree(): Tree
  agent(
    tree: Tree,
    source?: Record<string, unknown>,
    more?: { hooks?: Record<string, Hook>; uploaders?: string[] },
  ): Promise<TreeAgent>
  command(
    cfg: AgentConfig,
    change: { backupId?: string; action?: string } & Record<string, unknown>,
  ): Promise<RestoreOrder>
}

/** An agent for one tree. */
export interface TreeAgent extends AsyncDisposable {
  cfg: AgentConfig
  deps: AgentDeps
  restore(change: Record<string, unknown>): ReturnType<RestoreHouse['settled']>
  plan(change?: Record<string, unknown>): Promise<RestorePlanned>
}

export interface Tree {
  readonly folder: string
  root: string
  write(files: Readonly<Record<string, string>>): void
  /** Backs up what changed since the backup before, by tar's own memory, all of it the first time; and has it proven. */
  backup(change?: Partial<SealFilesOptions> & { names?: readonly string[]; unproven?: boolean }): Promise<Manifest>
  /** What is beside it: put aside, or left by a restore. */
  besides(): string[]
  /** Path → contents of the files below root. */
  contents(of?: string): Record<string, string>
}

/** tar's memory knows seconds. */
export const nextSecond = () => sleep(1_100)

const POST = `pwd > built; echo "$LIFEBOAT_HOOK $LIFEBOAT_RELEASE $LIFEBOAT_LIVE" >> built
case "$1" in fail) echo "no such package" >&2; exit 3;; hang) sleep 600;; esac
`

export async function openTreeHouse(): Promise<TreeHouse> {
  await using opening = new AsyncDisposableStack()
  const at = opening.use(await openRestoreHouse())
  const trees = opening.adopt(mkdtempSync(join(tmpdir(), 'lifeboat-trees-')), (path) =>
    rmSync(path, { recursive: true, force: true }),
  )
  const script = join(trees, 'post.sh')
  writeFileSync(script, POST)
  const post = (arg: string, timeout = 60_000): Hook => ({ command: ['/bin/sh', script, arg], timeout, env: {} })
  const hooks = { build: post('ok'), 'bad-build': post('fail'), 'hanging-build': post('hang', 1000) }
  const owned = opening.move()
  let count = 0
  const house: TreeHouse = {
    at,
    section: {
      ...at.section,
      hooks: {
        ...(at.section.hooks as object),
        ...Object.fromEntries(
          Object.entries(hooks).map(([name, each]) => [name, { ...each, timeout: `${each.timeout}ms` }]),
        ),
      },
    },
    config(source) {
      const cfg = at.config()
      if (!cfg.restore) throw new Error('the agent restores')
      const files = FilesSourceConfig.parse({ kind: 'files', agent: cfg.agentId, root: '/nowhere', ...source })
      const restore = { ...cfg.restore, hooks: { ...cfg.restore.hooks, ...hooks } }
      return { ...cfg, sources: new Map([[SOURCE, { files }]]), restore }
    },
    tree: () => openTree(join(trees, `tree-${++count}`), at),
    async agent(tree, source = {}, { hooks = {}, ...more } = {}) {
      const plain = house.config({ root: tree.root, ...source })
      const restore = plain.restore && { ...plain.restore, ...more, hooks: { ...plain.restore.hooks, ...hooks } }
      const cfg = { ...plain, restore }
      const agent = await at.house.agent(cfg)
      await at.hooksRan()
      return {
        cfg,
        deps: agent.deps,
        restore: async (change) => at.settled((await house.command(cfg, change)).restoreId),
        async plan(change = {}) {
          const restoreId = newRestoreId(Date.now())
          const about = { restoreId, agentId: cfg.agentId, sourceId: SOURCE, requestedAt: moment(Date.now()) }
          const wish = { targets: ['south' as TargetId], unproven: false, hooks: {}, ...change }
          await at.house.bus.publish(RestorePlanRequested, { ...about, ...wish })
          return at.house.fact(RestorePlanned, (fact) => fact.restoreId === restoreId)
        },
        [Symbol.asyncDispose]: () => agent[Symbol.asyncDispose](),
      }
    },
    async command(cfg, change) {
      const order = await at.order(cfg, { kind: 'files', ...change })
      await at.publishRaw(await at.wish(order))
      return order
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
  return house
}

function openTree(folder: string, at: RestoreHouse): Tree {
  mkdirSync(join(folder, 'app'), { recursive: true })
  let parent: Manifest | undefined
  const tree: Tree = {
    folder,
    root: join(folder, 'app'),
    write(files) {
      for (const [name, text] of Object.entries(files)) {
        mkdirSync(dirname(join(tree.root, name)), { recursive: true })
        writeFileSync(join(tree.root, name), text)
      }
    },
    async backup({ names = ['.'], unproven = false, ...change } = {}) {
      const memory = [`--listed-incremental=${join(folder, 'memory')}`, '--no-check-device']
      const how = ['--create', '--file=-', '--format=posix', '--sparse', '--xattrs', ...memory, '-C', tree.root]
      const archive = execFileSync('tar', [...how, ...names], { maxBuffer: 1e9 })
      const { seals, targets } = at
      const sealed = await sealFiles({
        ...{ target: targets.south, recipient: seals.recipient, signer: seals.agent, archives: [archive] },
        ...{ sourceId: SOURCE, root: tree.root, ...(parent && { parent }), ...change },
      })
      if (!unproven) await sealEvidence(targets.south, seals.verifier, sealed)
      parent = sealed
      return sealed
    },
    besides() {
      return readdirSync(folder)
        .filter((name) => name.startsWith(`${basename(tree.root)}_`))
        .sort()
    },
    contents(of = tree.root) {
      const names = execFileSync('find', ['-H', of, '-type', 'f', '-printf', '%P\\n'], { encoding: 'utf8' })
      const read = (name: string) => execFileSync('cat', [join(of, name)], { encoding: 'utf8' })
      return Object.fromEntries(
        names
          .split('\n')
          .filter(Boolean)
          .sort()
          .map((name) => [name, read(name)]),
      )
    },
  }
  return tree
}
