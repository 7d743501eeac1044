import { eventually } from '@lifeboat/testkit/eventually.ts'
import { startWorld } from '@lifeboat/testkit/world.ts'
import { expect, test } from 'vitest'
import { backupsOf } from './support/backups.ts'

test('a run that nobody begins is mailed as missing, and told to be over when its agent is back', async () => {
  await using world = await startWorld({
    services: ['scheduler', 'uploader', 'verifier', 'alerter'],
    configure(config) {
      const daily = config.policies.daily
      if (daily === undefined) throw new Error('the world has no policy daily')
      daily.schedule.cron = '*/30 * * * * *'
      daily.grace = '5s'
    },
  })
  const mail = await world.smtp.waitForMail(({ subject }) => subject.includes('No backup of records began'), {
    withinMs: 240_000,
  })
  expect(mail.secure).toBe(true)
  expect(mail.text).toContain('records')

  await world.start('backup-agent')
  await eventually(async () => expect((await backupsOf(world)).map(({ state }) => state)).toContain('proven'))
  const over = await world.smtp.waitForMail(({ subject }) => /resolved.*No backup of records began/i.test(subject), {
    withinMs: 240_000,
  })
  expect(over.text).toContain('records')
})
