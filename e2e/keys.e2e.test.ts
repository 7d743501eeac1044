import { chmod, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { SOURCE, type WorldConfig } from '@lifeboat/testkit/world/config.ts'
import { offSiteNow, WEEKLY, withBasesAndWal } from '@lifeboat/testkit/world/physical.ts'
import { type Finished, runLifeboat } from '@lifeboat/testkit/world/processes.ts'
import { startWorld, type World } from '@lifeboat/testkit/world.ts'
import { expect, test } from 'vitest'
import { backUp, takeBackup } from './support/backups.ts'

const PASSPHRASE = 'correct horse battery staple'
type Identities = NonNullable<WorldConfig['encryption']['identities']>
interface Proof {
  tried: { what: string; outcome: string; bytes: number }[]
}

test('a key in escrow opens every kept backup and WAL by its bytes; after a rotation old ones open with the old key, new ones with the new, and no key goes unnoticed', async () => {
  await using world = await startWorld({
    configure: withBasesAndWal,
    services: ['scheduler', 'backup-agent', 'uploader', 'alerter'],
  })
  const [first] = world.config.encryption.recipients
  const declare = (recipients: string[], identities: Identities) =>
    world.reconfigure((config) => {
      config.encryption = { recipients, identities }
    })
  const restarted = () => world.restart('backup-agent')
  const out = join(world.folder, 'made')
  const oldest = await takeBackup(world, 'stored')

  const escrow = made(await run(world, ['key', 'escrow', 'safe', '--out', out]))
  expect(await readFile(escrow.file, 'utf8')).not.toContain('AGE-SECRET-KEY')
  const main = { recipient: String(first) }
  const safe = { recipient: escrow.recipient, escrow: true }
  await declare([main.recipient, escrow.recipient], { main, safe })
  await restarted()
  await backUp(world, [SOURCE, '--policy', WEEKLY], 'stored')
  await offSiteNow(world)
  // The oldest dump is older than the escrow.
  const proved = await prove(world, escrow.file, 6)
  expect(proved.tried.filter(({ outcome }) => outcome === 'other').map(({ what }) => what)).toContain(oldest)
  const opened = proved.tried.filter(({ outcome }) => outcome === 'opened')
  expect(opened.map(({ what }) => what).join()).toMatch(/-base-.*\/wal\//)
  for (const { bytes } of opened) expect(bytes).toBeGreaterThan(0)
  expect((await run(world, ['key', 'prove', ...ALL, escrow.file], 'wrong passphrase')).code).toBe(2)

  const identityFile = fileOf(world)
  await chmod(identityFile, 0o644)
  expect((await run(world, ['key', 'prove', ...ALL, identityFile])).stdout).toContain('CONFIG_SECRET_EXPOSED')
  await chmod(identityFile, 0o600)

  const rotated = made(await run(world, ['key', 'rotate', 'main', 'next', '--identity', identityFile, '--out', out]))
  await declare([rotated.recipient, escrow.recipient], { main, safe, next: { recipient: rotated.recipient } })
  await restarted()
  const newest = await takeBackup(world, 'stored')
  const outcomeOf = async (what: string, file: string, exit: number) =>
    (await prove(world, file, exit)).tried.find((one) => one.what === what)?.outcome
  expect(await outcomeOf(oldest, identityFile, 6)).toBe('opened')
  expect(await outcomeOf(newest, identityFile, 6)).toBe('other')
  expect(await outcomeOf(newest, rotated.file, 0)).toBe('opened')
  expect(await outcomeOf(oldest, rotated.file, 0)).toBe('opened')

  await world.json(['key', 'check'])
  const without = await world.json<{ backups: { backupId: string; verdict: string }[] }>(
    ['key', 'check', '--without', 'main'],
    [7],
  )
  expect(without.backups.filter(({ verdict }) => verdict === 'unreadable')).toMatchObject([{ backupId: oldest }])

  await declare([rotated.recipient, escrow.recipient], { safe, next: { recipient: rotated.recipient } })
  await world.restart('alerter')
  const mail = await world.smtp.waitForMail(({ subject }) => subject.includes('cannot be opened with any key'), {
    withinMs: 240_000,
  })
  expect(mail.text).toContain(oldest)
  for (const name of ['backup-agent', 'alerter', 'uploader', 'scheduler'])
    expect(JSON.stringify(world.logOf(name))).not.toContain('AGE-SECRET-KEY')

  // What the manifest promises is not what counts.
  await scramble(world, newest)
  expect(await outcomeOf(newest, rotated.file, 7)).toBe('shut')
})

function run(world: World, args: readonly string[], passphrase = PASSPHRASE): Promise<Finished> {
  const env = { LIFEBOAT_IDENTITY_PASSPHRASE: passphrase }
  return runLifeboat([...args, '--json'], { configPath: world.configPath, env })
}

function made({ code, stdout, stderr }: Finished): { recipient: string; file: string } {
  expect([code, stderr]).toEqual([0, ''])
  return JSON.parse(stdout)
}

const ALL = ['--from', 'west', '--all', '--identity']

async function prove(world: World, file: string, exit: number): Promise<Proof> {
  const { code, stdout } = await run(world, ['key', 'prove', ...ALL, file])
  expect([code, stdout]).toEqual([exit, expect.any(String)])
  return JSON.parse(stdout)
}

function fileOf({ config }: World): string {
  return String(config.verifier?.identity).replace(/^file:/, '')
}

/** Takes the first part of the database away, the manifest stays. */
async function scramble(world: World, backupId: string): Promise<void> {
  const folder = join(world.folder, 'targets', 'west', SOURCE, 'backups', backupId)
  const [part] = (await readdir(folder)).filter((name) => name.endsWith('.00000'))
  await rm(join(folder, String(part)))
}
