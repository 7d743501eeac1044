import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import {
  ContainerSASPermissions,
  generateBlobSASQueryParameters,
  StorageSharedKeyCredential,
} from '@azure/storage-blob'
import type { BackupId, SourceId } from '@lifeboat/shared/domain/ids.ts'
import { documentKey } from '@lifeboat/shared/domain/keys.ts'
import { eventually } from '@lifeboat/testkit/eventually.ts'
import { AGENT, POLICY, type WorldConfig } from '@lifeboat/testkit/world/config.ts'
import { openTargetOf } from '@lifeboat/testkit/world/tamper.ts'
import { startWorld, type World } from '@lifeboat/testkit/world.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { backUp, show } from './support/backups.ts'
import { CLOUDS, type Cloud, cloudSettings } from './support/cloud-settings.ts'

const run = promisify(execFile)
const APP = 'app'
const CODE = 'code'
/** Of several parts. */
const LARGE = randomBytes(9e6)

let folder: string
let root: string
let world: World
/** Of what changed since the full one. */
let backupId: string
let page: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-e2e-'))
  root = join(folder, 'app')
  await mkdir(root)
  world = await startWorld({
    targets: CLOUDS,
    services: ['scheduler', 'backup-agent', 'uploader'],
    configure: withCode,
  })
  await writeFile(join(root, 'lib.js'), 'the same')
  await backUp(world, [APP, '--policy', CODE], 'stored')
  await writeFile(join(root, 'index.js'), LARGE)
  const [newest = ''] = await backUp(world, [APP, '--policy', CODE], 'stored')
  backupId = newest
  await eventually(async () => {
    const states = Object.values((await show(world, backupId)).copies).map(({ state }) => state)
    expect(states).toEqual(Object.keys(CLOUDS).map(() => 'stored'))
  })
  await using target = await openTargetOf(world, 'aws')
  const key = documentKey(APP as SourceId, backupId as BackupId, 'RECOVER.md')
  page = await text(await target.get(key, { signal: AbortSignal.timeout(60_000) }))
})
afterAll(async () => {
  await world?.[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

test.each(Object.keys(CLOUDS) as Cloud[])(
  'the commands of RECOVER.md, word by word, bring a chain back out of %s with curl and stock programs',
  async (cloud) => {
    const { backups, sas, curlrc } = await READERS[cloud]()
    const work = join(folder, cloud)
    await mkdir(work)
    await writeFile(join(work, 'curlrc'), curlrc, { mode: 0o600 })
    const env = {
      PATH: process.env.PATH,
      BACKUPS: `${backups}/${APP}/backups`,
      SAS: sas,
      CURLRC: join(work, 'curlrc'),
      IDENTITY: join(world.folder, 'keys/age-identity'),
      INTO: join(work, 'tree'),
    }
    await blocks(page, 'sh fetch', { cwd: work, env })
    expect(await readFile(join(work, backupId, 'RECOVER.md'), 'utf8')).toBe(page)
    await blocks(page, 'sh', { cwd: join(work, backupId), env })
    expect((await readdir(env.INTO)).sort()).toEqual(['index.js', 'lib.js'])
    expect((await readFile(join(env.INTO, 'index.js'))).equals(LARGE)).toBe(true)
  },
)

test('what a cloud refuses ends the fetching with an error', async () => {
  const { backups } = await READERS.azure()
  const env = { PATH: process.env.PATH, BACKUPS: `${backups}/${APP}/backups`, SAS: '', CURLRC: '/dev/null' }
  await expect(blocks(page, 'sh fetch', { cwd: folder, env })).rejects.toThrow(/curl: \(22\)/)
})

/** Where the bucket of a target is, and what lets curl read there. */
const READERS = {
  async aws() {
    const {
      secret,
      settings: { endpoint, bucket, region },
    } = cloudSettings(world, 'aws')
    const curlrc = curlrcOf('amazonaws')
      .replace('REGION', String(region))
      .replace('ACCESS-KEY-ID', await secret('accessKeyId'))
      .replace('SECRET-ACCESS-KEY', await secret('secretAccessKey'))
    return { backups: `${endpoint}/${bucket}`, sas: '', curlrc }
  },
  async google() {
    const {
      settings: { endpoint, bucket },
    } = cloudSettings(world, 'google')
    return { backups: `${endpoint}/${bucket}`, sas: '', curlrc: curlrcOf('googleapis').replace('"TOKEN"', '"a-token"') }
  },
  async azure() {
    const {
      secret,
      settings: { endpoint, container = '', account = '' },
    } = cloudSettings(world, 'azure')
    const key = new StorageSharedKeyCredential(account, await secret('accountKey'))
    const permissions = ContainerSASPermissions.parse('r')
    const expiresOn = new Date(Date.now() + 3_600_000)
    const sas = generateBlobSASQueryParameters({ containerName: container, permissions, expiresOn }, key)
    return { backups: `${endpoint}/${container}`, sas: `?${sas}`, curlrc: '' }
  },
}

/** What the page wants in that file. */
function curlrcOf(host: string): string {
  return new RegExp(`${host}.*\\n((?: {2}.*\\n)+)`).exec(page)?.[1] ?? ''
}

async function blocks(page: string, language: string, at: { cwd: string; env: Record<string, string | undefined> }) {
  for (const [, block = ''] of page.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm')))
    await run('sh', ['-ec', block], at)
}

function withCode(config: WorldConfig): void {
  const { size: _size, ...policy } = config.policies[POLICY] ?? {}
  config.sources[APP] = { kind: 'files', agent: AGENT, root }
  config.policies[CODE] = { ...policy, sources: [APP], kind: 'files', targets: Object.keys(CLOUDS) } as never
}
