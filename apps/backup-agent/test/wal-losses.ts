import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { parseLsn } from '@lifeboat/shared/domain/wal.ts'
import { expect, vi } from 'vitest'
import { SOURCE, type WalHouse } from './wal-house.ts'

/** Bases make up for a hole. */
export const WITH_BASES = {
  weekly: { sources: [SOURCE], kind: 'base', schedule: { cron: '0 2 * * 0' }, targets: ['north', 'south'] },
}

/** The hole is in the state and in the log, and a base behind it is asked for, once. */
export async function expectToldAndAnswered(house: WalHouse, reason: RegExp): Promise<void> {
  const { lost } = await house.state((now) => now.lost !== undefined)
  expect(lost?.reason).toMatch(reason)
  expect(parseLsn(lost?.to ?? '0/0') > parseLsn(lost?.from ?? '0/0')).toBe(true)
  await house.logged('backup-agent', 'wal.lost')
  const wanted = [{ kind: 'base', requestedBy: 'agent', policyId: 'weekly' }]
  await vi.waitFor(async () => expect(await askedOf(house)).toEqual(wanted), { timeout: 90_000, interval: 200 })
}

export async function askedOf(house: WalHouse) {
  const runs = []
  for await (const run of house.ledger.entries()) runs.push(run)
  return runs.map(({ kind, requestedBy, policyId }) => ({ kind, requestedBy, policyId }))
}

/** What lies at a target, byte for byte; what is just being written there does not count. */
export async function digestsOf(house: WalHouse): Promise<Record<string, string>> {
  const digests: Record<string, string> = {}
  const keys = await house.keys('north')
  for (const key of keys.filter((each) => !each.includes('.partial')))
    digests[key] = createHash('sha256')
      .update(await readFile(house.file('north', key)))
      .digest('hex')
  return digests
}
