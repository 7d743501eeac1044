import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { eventually } from '@lifeboat/testkit/eventually.ts'
import { AGENT, SOURCE } from '@lifeboat/testkit/world/config.ts'
import { startWorld, type World } from '@lifeboat/testkit/world.ts'
import { expect, test } from 'vitest'

interface Answer {
  part: string
  name: string
  condition: string
  says: string[]
  next: string[]
}

async function ask(world: World, part: string, name: string): Promise<Answer | undefined> {
  const { answers } = await world.json<{ answers: Answer[] }>(['doctor'], [0, 6])
  return answers.find((answer) => answer.part === part && answer.name === name)
}

const broken = (says: RegExp, next: RegExp) => ({
  condition: 'broken',
  says: expect.arrayContaining([expect.stringMatching(says)]),
  next: expect.arrayContaining([expect.stringMatching(next)]),
})

test('the doctor names what would fail tonight while nothing runs, with the next step, and is content when it is mended', async () => {
  await using world = await startWorld({ targets: { north: 'filesystem', west: 's3' } })
  const { source, smtp } = world
  const west = world.config.targets?.west as { secretAccessKey: string }
  const keyFile = west.secretAccessKey.replace('file:', '')
  const [password, key] = await Promise.all(
    [source.password.replace('file:', ''), keyFile].map((file) => readFile(file, 'utf8')),
  )
  const setPassword = (to: string) =>
    source.postgres.query('postgres', `ALTER ROLE ${source.user} PASSWORD '${to.trim()}'`)
  const partials = join(world.targets.north?.address ?? '', '.partial')

  await setPassword('changed by somebody')
  // It tries its targets out, and makes the folder again.
  await world.kill('uploader', 'SIGTERM')
  await rm(partials, { recursive: true, force: true })
  await writeFile(partials, 'where unfinished files should go')
  await writeFile(keyFile, 'rotated by somebody')
  await smtp.stop()
  await Promise.all(['backup-agent', 'uploader', 'alerter'].map((name) => world.restart(name)))

  await eventually(async () => {
    expect(await ask(world, 'source', SOURCE)).toMatchObject(
      broken(/kept from it: SOURCE_AUTH_REFUSED/, /secret named by the source/),
    )
    expect(await ask(world, 'target', 'north')).toMatchObject(
      broken(/cannot put there: TARGET_REFUSED/, /target check north/),
    )
    expect(await ask(world, 'target', 'west')).toMatchObject(
      broken(/cannot put there: TARGET_REFUSED/, /target check west/),
    )
    expect(await ask(world, 'service', 'alerter')).toMatchObject(broken(/^mail .*ALERT_NOT_SENT/, /SMTP server/))
  })

  await setPassword(password ?? '')
  await rm(partials)
  await smtp.start()
  await writeFile(keyFile, key ?? '')
  // A login that was refused is tried again when the agent starts, or minutes later.
  await Promise.all(['backup-agent', 'uploader'].map((name) => world.restart(name)))
  await eventually(async () => {
    for (const target of ['north', 'west'])
      expect(await ask(world, 'target', target)).toMatchObject({ condition: 'well' })
    expect(await ask(world, 'service', 'alerter')).toMatchObject({ condition: 'well' })
    expect((await ask(world, 'source', SOURCE))?.says.join()).not.toMatch(/kept from it/)
  })

  await world.kill('backup-agent', 'SIGKILL')
  await eventually(async () =>
    expect(await ask(world, 'service', `backup-agent ${AGENT}`)).toMatchObject(
      broken(/^silent/, /^start backup-agent/),
    ),
  )
  await world.nats.stop()
  expect(await ask(world, 'bus', 'NATS')).toMatchObject(broken(/BUS_UNREACHABLE/, /nats-server runs/))
})
