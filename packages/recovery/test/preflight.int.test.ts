import { tmpdir } from 'node:os'
import { preflight } from '@lifeboat/recovery/preflight.ts'
import { installedMajors } from '@lifeboat/testkit/postgres.ts'
import { expect, test } from 'vitest'

const [major = 15] = installedMajors()
const programs = ['postgres', 'pg_verifybackup', 'pg_controldata']
const search = { toolPaths: [] }

test('a machine with room and programs is fit', async () => {
  expect((await preflight({ bytes: 1, major, programs }, tmpdir(), search)).major).toBe(major)
})

test('a disk that is too small is told with what is needed and what is there', async () => {
  const asked = preflight({ bytes: 10 ** 18, major, programs }, tmpdir(), search)
  await expect(asked).rejects.toMatchObject({ code: 'RECOVERY_NO_ROOM', facts: { freeBytes: expect.any(Number) } })
})

test('another major version does not stand in: a data directory fits its own only', async () => {
  const asked = preflight({ bytes: 1, major: major - 1, programs }, tmpdir(), search)
  await expect(asked).rejects.toMatchObject({ code: 'TOOL_MISSING' })
})

test('a program that is not there is named', async () => {
  const asked = preflight({ bytes: 1, major, programs: [...programs, 'pg_of_tomorrow'] }, tmpdir(), search)
  await expect(asked).rejects.toMatchObject({ code: 'TOOL_MISSING' })
})
