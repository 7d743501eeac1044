import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { PassedOver } from '@lifeboat/shared/domain/restore.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import type { Target } from '@lifeboat/storage/target.ts'
import { expect, test } from 'vitest'
import type { Command } from './command.ts'
import { orNextTarget } from './next-target.ts'

const ids = (...names: string[]) => names as TargetId[]
const run = { signal: new AbortController().signal, log: silentLogger }
/** Whom the end of the command names as passed over. */
let noted: PassedOver[] = []
const command = {
  ...{ run, entry: () => ({ stage: 'accepted', passedOver: noted }) },
  step: async (_: string, more: { passedOver: PassedOver[] }) => {
    noted = more.passedOver
  },
} as unknown as Command

/** Chooses the best of those it is asked about, if there is any; `broken` give out. */
async function tried(best: readonly string[], broken: Record<string, LifeboatError>, targets = ['aws', 'gcp', 'nas']) {
  const asked: string[][] = []
  const choose = async (targets: readonly TargetId[]) => {
    asked.push([...targets])
    const id = best.find((each) => targets.includes(each as TargetId)) as TargetId
    if (id === undefined) throw new LifeboatError('RECOVERY_UNPROVEN')
    return { target: { id } as Target, passedOver: [] }
  }
  const use = async ({ target: { id } }: { target: Target }) => {
    if (broken[id]) throw broken[id]
    return id
  }
  const used = await orNextTarget(command, ids(...targets), choose, use).catch(LifeboatError.from)
  return { asked, used: used instanceof LifeboatError ? used.code : used }
}

test('where the best target gives out, all the others are asked, whatever their order', async () => {
  const lost = new LifeboatError('ARTIFACT_DIGEST_MISMATCH')
  expect(await tried(['nas', 'gcp', 'aws'], { nas: lost })).toEqual({
    ...{
      asked: [
        ['aws', 'gcp', 'nas'],
        ['aws', 'gcp'],
      ],
      used: 'gcp',
    },
  })
  expect(noted).toMatchObject([{ targetId: 'nas', error: { code: 'ARTIFACT_DIGEST_MISMATCH' } }])
  const away = new LifeboatError('TARGET_UNREACHABLE')
  expect(await tried(['nas', 'gcp', 'aws'], { nas: lost, gcp: away, aws: lost })).toEqual({
    ...{ asked: [['aws', 'gcp', 'nas'], ['aws', 'gcp'], ['aws']], used: 'ARTIFACT_DIGEST_MISMATCH' },
  })
})

test('what another copy does not mend is not tried again', async () => {
  for (const code of ['ARTIFACT_KEY_WRONG', 'RECOVERY_NO_ROOM'] as const)
    expect(await tried(['nas'], { nas: new LifeboatError(code) })).toEqual({
      ...{ asked: [['aws', 'gcp', 'nas']], used: code },
    })
})

test('WAL that one target lost or damaged may be whole at the next, as files may', async () => {
  for (const code of ['WAL_DAMAGED', 'WAL_MISSING', 'RECOVERY_ENDED_EARLY', 'RECOVERY_FILES_DAMAGED'] as const)
    expect((await tried(['aws', 'gcp'], { aws: new LifeboatError(code) }, ['aws', 'gcp'])).used).toBe('gcp')
})

test('where no other target can help, it is told what was wrong with the one that gave out, and why not with each other', async () => {
  expect((await tried(['aws'], { aws: new LifeboatError('WAL_DAMAGED') }, ['aws', 'gcp'])).used).toBe('WAL_DAMAGED')
  expect(noted).toMatchObject([
    { targetId: 'aws', error: { code: 'WAL_DAMAGED' } },
    { targetId: 'gcp', error: { code: 'RECOVERY_UNPROVEN' } },
  ])
})
