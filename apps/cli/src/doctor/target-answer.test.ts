import type { Footing } from '@lifeboat/shared/domain/footing.ts'
import { moment, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import { reportOf } from '@lifeboat/shared/errors/error-report.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { expect, test } from 'vitest'
import { type Asked, targetAnswer } from './target-answer.ts'

const nas = 'nas' as TargetId
const held: Footing = { part: 'target', name: nas, at: moment(0), since: moment(0) }
const full = new LifeboatError('TARGET_FULL', { systemCode: 'ENOSPC' })

/** What is found of the target from here, an error or nothing against it, and by an uploader. */
function answerOf(error: LifeboatError | undefined, uploader: Footing | undefined, more: Partial<Asked> = {}) {
  return targetAnswer(nas, { here: error ? { error } : { marked: true }, uploader, everMarked: true, ...more })
}

test('what an uploader cannot put to is broken, however well it lists from here', () => {
  expect(answerOf(undefined, { ...held, error: reportOf(full) })).toMatchObject({
    condition: 'broken',
    says: [expect.stringMatching(/^an uploader cannot put there: TARGET_FULL: .*systemCode: ENOSPC/)],
    next: [full.hint, 'lifeboat target check nas'],
  })
})

test('a folder or a secret of another machine is not missed here while uploaders can put', () => {
  for (const code of ['TARGET_MISSING', 'CONFIG_SECRET_MISSING'] as const)
    expect(answerOf(new LifeboatError(code), held)).toMatchObject({
      condition: 'well',
      says: [expect.stringContaining(code)],
    })
  expect(answerOf(new LifeboatError('CONFIG_SECRET_MISSING'), undefined)).toMatchObject({
    condition: 'unasked',
  })
  expect(answerOf(new LifeboatError('TARGET_MISSING'), undefined)).toMatchObject({ condition: 'broken' })
})

test('a target that refuses this machine and takes what uploaders put ails', () => {
  expect(answerOf(new LifeboatError('TARGET_REFUSED'), held)).toMatchObject({ condition: 'ailing' })
  expect(answerOf(new LifeboatError('TARGET_REFUSED'), undefined)).toMatchObject({ condition: 'broken' })
  expect(answerOf(undefined, held)).toMatchObject({ condition: 'well' })
})

test('an empty folder is no target that answers, unless nothing was ever put there or an uploader can put', () => {
  const here = { marked: false }
  expect(answerOf(undefined, undefined, { here })).toMatchObject({
    condition: 'broken',
    says: [expect.stringMatching(/^TARGET_UNMARKED/)],
    next: expect.arrayContaining(['lifeboat target check nas']),
  })
  expect(answerOf(undefined, undefined, { here, everMarked: undefined })).toMatchObject({ condition: 'ailing' })
  expect(answerOf(undefined, undefined, { here, everMarked: false })).toMatchObject({ condition: 'well' })
  expect(answerOf(undefined, held, { here })).toMatchObject({ condition: 'well' })
})
