import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AGENT, POLICY, type WorldConfig } from '@lifeboat/testkit/world/config.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { backUp } from './support/backups.ts'
import { openRestoreWorld, type RestoreWorld } from './support/restore-world.ts'

const APP = 'app'
const CODE = 'code'

const ABOUT = {
  ...{ name: 'app', version: '4.0.0' },
  dependencies: { tool: 'file:packages/tool' },
  devDependencies: { checker: 'file:packages/checker' },
}
/** An application that needs no registry: its packages lie beside it. */
const PACKAGES = {
  'package.json': ABOUT,
  'package-lock.json': {
    ...{ name: 'app', version: '4.0.0', lockfileVersion: 3, requires: true },
    packages: {
      '': ABOUT,
      'packages/tool': { name: 'tool', version: '1.0.0' },
      'packages/checker': { name: 'checker', version: '1.0.0', dev: true },
      'node_modules/tool': { resolved: 'packages/tool', link: true },
      'node_modules/checker': { resolved: 'packages/checker', link: true },
    },
  },
  'packages/tool/package.json': { name: 'tool', version: '1.0.0' },
  'packages/checker/package.json': { name: 'checker', version: '1.0.0' },
}

let folder: string
let root: string
let at: RestoreWorld
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lifeboat-e2e-'))
  root = join(folder, 'app')
  mkdirSync(root)
  at = await openRestoreWorld({ configure: withCode })
})
afterAll(async () => {
  await at?.[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

test('broken code goes back on a signed command to what a drill has proven, what was there is kept, and it can be undone and let go', async () => {
  const { world, keyFile, identityFile, hooked } = at
  const byAnn = ['--key', keyFile('ann'), '--why', 'release 4.2 is broken', '--yes-i-mean', APP]
  const backup = () => backUp(world, [APP, '--policy', CODE], 'proven')
  writeFileSync(join(root, 'index.js'), 'release 4.0')
  writeFileSync(join(root, 'lib.js'), 'the same')
  for (const [name, contents] of Object.entries(PACKAGES)) {
    mkdirSync(join(root, name, '..'), { recursive: true })
    writeFileSync(join(root, name), JSON.stringify(contents))
  }
  await backup()
  writeFileSync(join(root, 'index.js'), 'release 4.1')
  await backup()
  writeFileSync(join(root, 'index.js'), 'release 4.2')
  writeFileSync(join(root, 'new.js'), 'new')

  const plan = await world.cli(['restore', 'plan', APP, ...hooked, '--post-hook', 'install-packages'])
  expect([plan.code, plan.stderr]).toEqual([0, expect.any(String)])
  for (const told of [/^what +files below \//m, /^built on /m, /proven/, /^in place /m, /^kept .*app_before_/m])
    expect(plan.stdout).toMatch(told)
  for (const told of [/^post hook /m, /in its drill/, /^lost /m]) expect(plan.stdout).toMatch(told)
  const misled = await world.cli(['restore', 'plan', APP, '--in-place'])
  expect([misled.code, misled.stderr]).toEqual([2, expect.stringContaining('tree of files')])

  const about = [...byAnn, '--identity', identityFile, ...hooked, '--post-hook', 'install-packages']
  const { code, stdout, stderr } = await world.cli(['restore', 'run', APP, ...about])
  expect([code, stderr]).toEqual([0, expect.any(String)])
  for (const told of [
    /compared with the list/,
    /1 no longer there:\n {2}\.\/new\.js/,
    /1 changed:\n {2}\.\/index\.js: contents/,
  ])
    expect(stdout).toMatch(told)
  const index = () => readFileSync(join(root, 'index.js'), 'utf8')
  const restored = ['index.js', 'lib.js', 'node_modules', 'package-lock.json', 'package.json', 'packages']
  expect([index(), readdirSync(root).sort()]).toEqual(['release 4.1', restored])
  // As npm installs them for production: what tests need is not there.
  expect(readlinkSync(join(root, 'node_modules/tool'))).toBe('../packages/tool')
  expect(existsSync(join(root, 'node_modules/checker'))).toBe(false)
  const history = await world.cli(['restore', 'status'])
  expect(history.stdout).toMatch(new RegExp(`restore ${APP} \\(${root}.*\\): 1 no longer there, 1 changed`))
  const restoreId = /\S+-restore-\S{6}/.exec(stdout)?.[0] ?? ''
  const own = await world.cli(['restore', 'status', restoreId])
  expect(own.stdout).toMatch(/Before anything was changed[\s\S]*\n1 changed:\n {2}\.\/index\.js: contents$/m)

  const first = (
    await world.json<{ backups: { backupId: string; sourceId: string }[] }>(['backup', 'list', '--all'])
  ).backups
    .filter(({ sourceId }) => sourceId === APP)
    .map(({ backupId }) => backupId)
    .sort()[0]
  const older = await world.json(['restore', 'run', APP, ...about, '--backup', String(first)])
  expect([older, index()]).toMatchObject([{ outcome: 'done', swapped: true }, 'release 4.0'])

  expect(await world.json(['restore', 'revert', APP, ...byAnn])).toMatchObject({ outcome: 'done', swapped: true })
  expect(index()).toBe('release 4.1')
  expect(await world.json(['restore', 'revert', APP, ...byAnn])).toMatchObject({ outcome: 'done', swapped: true })
  expect([index(), readdirSync(root)]).toEqual(['release 4.2', expect.arrayContaining(['new.js'])])
  const released = await world.json<{ dropped: string[] }>(['restore', 'release', APP, ...byAnn])
  expect(released.dropped).toHaveLength(2)
  expect(readdirSync(folder)).toEqual(['app'])
})

function withCode(config: WorldConfig): void {
  const policy = config.policies[POLICY]
  if (policy === undefined) throw new Error('the world has no policy to copy')
  config.sources[APP] = { kind: 'files', agent: AGENT, root }
  const { schedule } = policy
  // One target, which every drill asks.
  config.policies[CODE] = { sources: [APP], kind: 'files', schedule, targets: ['west'], copies: { required: 1 } }
}
