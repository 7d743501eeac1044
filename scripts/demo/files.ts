import { execFile } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { cp, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { promisify } from 'node:util'
import type { BackupId, SourceId } from '@lifeboat/shared/domain/ids.ts'
import { backupPrefix } from '@lifeboat/shared/domain/keys.ts'
import { AGENT, POLICY, type WorldConfig } from '@lifeboat/testkit/world/config.ts'
import { openTargetOf } from '@lifeboat/testkit/world/tamper.ts'
import type { World } from '@lifeboat/testkit/world.ts'
import type { Stage } from './story.ts'
import type { Claim } from './summary.ts'

const run = promisify(execFile)

const APPLICATION = 'application'
export const FILES_POLICY = 'code-and-configuration'
const MODULES = 60
const SETTINGS = 'config/app.yaml'
const MODE = 0o640
const FETCH_WITHIN_MS = 60_000

/** Code and configuration of an application beside the spool of its agent, and a policy for them that only people start. */
export function keepApplication(config: WorldConfig): void {
  const [policy, agent] = [config.policies[POLICY], config.agents[AGENT]]
  if (policy === undefined || agent === undefined) throw new Error(`the world has no policy ${POLICY} or no ${AGENT}`)
  const root = join(dirname(agent.spool.path), APPLICATION)
  writeApplication(root)
  const { size: _size, ...rest } = policy
  config.sources[APPLICATION] = { kind: 'files', agent: AGENT, root, exclude: ['*.tmp'] }
  config.policies[FILES_POLICY] = {
    ...rest,
    ...{ sources: [APPLICATION], kind: 'files' },
    drill: {
      targets: 'rotate',
      files: [
        { path: SETTINGS, parses: 'yaml' },
        { path: 'package.json', parses: 'json' },
      ],
    },
  }
}

function writeApplication(root: string): void {
  for (const folder of ['src', 'config']) mkdirSync(join(root, folder), { recursive: true })
  writeFileSync(join(root, 'package.json'), `${JSON.stringify({ name: 'validator', version: '1.4.2' }, null, 2)}\n`)
  for (let no = 1; no <= MODULES; no++)
    writeFileSync(
      join(root, `src/rule-${no}.js`),
      `export const rule${no} = (resource) => resource.rules.includes(${no})\n`,
    )
  writeFileSync(join(root, 'config/.env'), 'DB_PASSWORD=only-for-the-demo\n', { mode: 0o600 })
  writeFileSync(join(root, SETTINGS), 'listen: 127.0.0.1:8080\nprofiles: [us-core, ips]\n')
  chmodSync(join(root, SETTINGS), MODE)
}

/** A tree of files proven; then one of them is lost, and comes back by the page that lies beside the backup, without Lifeboat. */
export async function bringBackFile({ world, screen }: Stage, from: string): Promise<{ claims: Claim[] }> {
  screen.chapter('Code and configuration, and a lost file brought back by the page in the bucket')
  const root = join(world.folder, APPLICATION)
  const { backupId, proven } = await backUp(world)
  screen.say(`${backupId} is proven: extracted, compared by contents, modes and owners`)
  const before = await readFile(join(root, SETTINGS), 'utf8')
  await rm(join(root, SETTINGS))
  screen.say(`lost: ${SETTINGS}`)
  const tree = await recoverByPage(world, from, backupId)
  await cp(join(tree, SETTINGS), join(root, SETTINGS), { preserveTimestamps: true })
  const [after, { mode }] = [await readFile(join(root, SETTINGS), 'utf8'), await stat(join(tree, SETTINGS))]
  screen.say(`brought back from ${from} with age, zstd and tar: ${SETTINGS}`)
  return {
    claims: [
      {
        claim:
          'code and configuration are backed up and proven; a lost file came back from one target by its page alone',
        held: proven.length > 0 && after === before && (mode & 0o777) === MODE,
        detail: `${SETTINGS}, ${before.length} bytes, mode ${MODE.toString(8)}`,
      },
    ],
  }
}

async function backUp(world: World): Promise<{ backupId: BackupId; proven: string[] }> {
  const { runs } = await world.json<{ runs: { backupId: BackupId; proven: string[] }[] }>([
    ...['backup', 'now', APPLICATION, '--policy', FILES_POLICY, '--wait', 'proven'],
  ])
  const [first] = runs
  if (first === undefined) throw new Error('`lifeboat backup now` asked for nothing')
  return first
}

/** Fetches the backup and runs the commands of its RECOVER.md, word by word. @returns the folder with the tree */
async function recoverByPage(world: World, from: string, backupId: BackupId): Promise<string> {
  const folder = join(world.folder, 'by-hand', backupId)
  await mkdir(folder, { recursive: true })
  await using target = await openTargetOf(world, from)
  const signal = AbortSignal.timeout(FETCH_WITHIN_MS)
  for await (const { key } of target.list(backupPrefix(APPLICATION as SourceId, backupId), { signal }))
    await writeFile(join(folder, basename(key)), await buffer(await target.get(key, { signal })))
  const page = await readFile(join(folder, 'RECOVER.md'), 'utf8')
  const into = join(world.folder, 'by-hand/tree')
  const env = { PATH: process.env.PATH, IDENTITY: join(world.folder, 'keys/age-identity'), INTO: into }
  for (const [, block = ''] of page.matchAll(/^```sh\n([\s\S]*?)^```$/gm))
    await run('sh', ['-ec', block], { cwd: folder, env, maxBuffer: 64e6 })
  return into
}
