import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import { expect, test } from 'vitest'
import type { Candidate } from './question.ts'
import { stillNeeded } from './still-needed.ts'

const candidate = (backupId: string, needs: string[], targets: string[]) =>
  ({ backupId, needs, copies: targets.map((targetId) => ({ targetId })) }) as unknown as Candidate

test('what a copy needs is needed at its target, through the whole chain, also where a link of it is gone already', () => {
  const backups = [
    candidate('base', [], ['aws', 'nas']),
    candidate('first', ['base'], ['aws']),
    candidate('second', ['first'], []),
    candidate('third', ['second'], ['nas']),
    candidate('alone', [], ['aws', 'nas']),
  ]
  const needed = stillNeeded(backups)
  expect(needed.get('aws' as TargetId)).toEqual(new Set(['base']))
  expect(needed.get('nas' as TargetId)).toEqual(new Set(['base', 'first', 'second']))
})

test('of backups that need nothing nothing is needed', () => {
  expect(stillNeeded([candidate('a', [], ['aws']), candidate('b', [], ['aws'])])).toEqual(new Map())
})
