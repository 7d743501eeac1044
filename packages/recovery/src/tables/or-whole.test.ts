import { CATALOGUE, type ErrorCode } from '@lifeboat/shared/errors/catalogue.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { silentLogger as log } from '@lifeboat/shared/log/logger.ts'
import { expect, test } from 'vitest'
import { orWhole } from './or-whole.ts'

const CODES = Object.keys(CATALOGUE) as ErrorCode[]
const whole = async (because: string) => `whole: ${because}`
const run = () => ({ signal: new AbortController().signal, log })
const failed = (code: ErrorCode) => new LifeboatError(code, { problem: 'a page is missing' })

test('what a server says that misses something begins anew with all of the backup, and nothing else does', async () => {
  const anew: ErrorCode[] = []
  for (const code of CODES) {
    const error = failed(code)
    const outcome = await orWhole(() => Promise.reject(error), whole, run()).catch((thrown: unknown) => thrown)
    if (outcome === 'whole: a page is missing') anew.push(code)
    else expect(outcome).toBe(error)
  }
  expect(anew.sort()).toEqual([
    'INTERNAL',
    'RECOVERY_HOLLOW',
    'RECOVERY_REFUSED',
    'SOURCE_CONNECTION_LOST',
    'SOURCE_UNREACHABLE',
  ])
})

test('an error without a name begins anew, too', async () => {
  expect(await orWhole(() => Promise.reject(new Error('could not open file')), whole, run())).toMatch(/^whole: /)
})

test('nothing begins anew when what was read is in use, or when nobody waits for it any more', async () => {
  const error = failed('RECOVERY_HOLLOW')
  const used = async (begin: () => void) => {
    begin()
    throw error
  }
  await expect(orWhole(used, whole, run())).rejects.toBe(error)
  const aborted = { signal: AbortSignal.abort(), log }
  await expect(orWhole(() => Promise.reject(error), whole, aborted)).rejects.toBe(error)
})
