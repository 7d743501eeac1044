import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { expect, test } from 'vitest'
import type { Command } from '../command.ts'
import { releaseBeside, restoreBeside } from './beside.ts'
import { moveBeside } from './further.ts'

const SOURCE_ID = 'records'
const NOTE = {
  ...{
    restoreId: '20260926T030000Z-restore-k3f9qa',
    sourceId: SOURCE_ID,
    backupId: '20260926T020000Z-base-k3f9qa',
    major: 17,
    port: 5433,
  },
  ...{ goal: { to: 'end of backup' }, timeline: 1, state: 'paused' },
  recovered: { lsn: '0/3000000', timeline: 1 },
}

/** A cluster beside, signed away at noon; `restoredAt`: when the command settled that made it. */
async function openPlace(restoredAt?: string) {
  const clusters = await mkdtemp(join(tmpdir(), 'lifeboat-besides-'))
  const folder = join(clusters, SOURCE_ID)
  const note = join(folder, 'lifeboat.json')
  await mkdir(join(folder, 'data'), { recursive: true })
  const makeRoom = async () => {
    throw new Error('the spool is full')
  }
  const restores = { byId: () => restoredAt && { settled: { at: restoredAt } }, makeRoom }
  const command = (order: object) =>
    ({
      ...{
        order: {
          kind: 'cluster',
          place: 'beside',
          sourceId: SOURCE_ID,
          issuedAt: '2026-09-26T12:00:00.000Z',
          ...order,
        },
      },
      ...{ restore: { clusters }, source: {}, deps: { cfg: {}, restores }, cancelled: new AbortController().signal },
      ...{ entry: () => ({ stage: 'accepted' }), step: async () => {}, report: () => {} },
      run: { signal: new AbortController().signal, log: silentLogger },
    }) as unknown as Command
  return {
    ...{ folder, restores, command },
    write: (text: string) => writeFile(note, text),
    /** As on a disk with bad blocks. */
    async makeUnreadable() {
      await rm(note, { force: true })
      await mkdir(note)
    },
    stays: async () => (await readdir(clusters)).length > 0,
    [Symbol.asyncDispose]: () => rm(clusters, { recursive: true }),
  }
}

test('a release removes what came to no end or is no note, and nothing that came after it was signed', async () => {
  for (const text of [undefined, '', '{"restoreId":1}', JSON.stringify(NOTE)]) {
    await using place = await openPlace('2026-09-26T11:00:00.000Z')
    if (text !== undefined) await place.write(text)
    expect(await releaseBeside(place.command({ action: 'release' }))).toMatchObject({ outcome: 'done' })
    expect(await place.stays()).toBe(false)
  }
  await using later = await openPlace('2026-09-26T13:00:00.000Z')
  await later.write(JSON.stringify(NOTE))
  await expect(releaseBeside(later.command({ action: 'release' }))).rejects.toThrow('RESTORE_NOTHING_BESIDE')
  expect(await later.stays()).toBe(true)
})

test.each(['release', 'restore'])(
  'what has a note that cannot be read may be promoted and newer than the command: a %s removes nothing',
  async (action) => {
    await using place = await openPlace()
    await place.makeUnreadable()
    const obey = action === 'release' ? releaseBeside : restoreBeside
    await expect(obey(place.command({ action }))).rejects.toMatchObject({ code: 'EISDIR' })
    expect(await place.stays()).toBe(true)
  },
)

test('a move that fails tells why, also where its note cannot be read any more', async () => {
  await using place = await openPlace()
  await place.write(JSON.stringify(NOTE))
  place.restores.makeRoom = async () => {
    await place.makeUnreadable()
    throw new Error('the spool is full')
  }
  const move = { action: 'move', goal: { to: 'latest' }, restoreId: '20260926T120000Z-restore-k3f9qb' }
  await expect(moveBeside(place.command(move))).rejects.toThrow('the spool is full')
})
