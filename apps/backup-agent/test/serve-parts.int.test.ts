import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Secret } from '@lifeboat/shared/config/secret.ts'
import type { BackupId } from '@lifeboat/shared/domain/ids.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { serveParts } from '../src/spool/serve-parts.ts'
import type { Spooled } from '../src/spool/spool.ts'

const PART = 'db.dump.zst.age.00000'
const WAL = '000000010000000000000003.0123456789abcdef.zst.age'
const stack = new AsyncDisposableStack()
let url: string

beforeAll(async () => {
  const folder = stack.adopt(await mkdtemp(join(tmpdir(), 'lifeboat-serve-')), (path) => rm(path, { recursive: true }))
  for (const name of [PART, 'db.dump.zst.age.00001.partial', 'attempt.json', 'sealed.json', 'RECOVER.md'])
    await writeFile(join(folder, name), '0123456789')
  const spooled = { folder, holders: new Map([['db.dump.zst.age.00007', new Set()]]) } as unknown as Spooled
  await mkdir(join(folder, 'wal', 'records'), { recursive: true })
  for (const name of [WAL, `${WAL}.partial`]) await writeFile(join(folder, 'wal', 'records', name), '0123456789')
  const spool = { path: folder, get: (id: BackupId) => (id === 'known' ? spooled : undefined) }
  const server = stack.use(
    await serveParts(spool, { listen: '127.0.0.1:0', token: new Secret('right'), log: silentLogger }),
  )
  url = `http://127.0.0.1:${server.port}`
})
afterAll(() => stack.disposeAsync())

const get = (path: string, headers: Record<string, string> = {}) =>
  fetch(`${url}${path}`, { headers: { authorization: 'Bearer right', ...headers } })

test('a finished part is served whole, with its length', async () => {
  const answer = await get(`/backups/known/${PART}`)
  expect([answer.status, answer.headers.get('content-length'), await answer.text()]).toEqual([200, '10', '0123456789'])
})

test.each([
  ['bytes=3-', 206, 'bytes 3-9/10', '3456789'],
  ['bytes=3-5', 206, 'bytes 3-5/10', '345'],
  ['bytes=-2', 206, 'bytes 8-9/10', '89'],
  ['bytes=0-99', 206, 'bytes 0-9/10', '0123456789'],
  ['bytes=10-', 416, 'bytes */10', ''],
  ['lines=1-2', 200, null, '0123456789'],
])('a download can go on where it broke off: %s', async (range, status, contentRange, body) => {
  const answer = await get(`/backups/known/${PART}`, { range })
  expect([answer.status, answer.headers.get('content-range'), await answer.text()]).toEqual([
    status,
    contentRange,
    body,
  ])
})

test.each(['Bearer wrong', 'Bearer rights', 'right', ''])(
  'nobody reads without the token (%s)',
  async (authorization) => {
    for (const path of [`/backups/known/${PART}`, `/wal/records/${WAL}`, '/backups/unknown/x', '/metrics'])
      expect((await get(path, { authorization })).status).toBe(401)
    expect((await get('/healthz', { authorization })).status).toBe(200)
  },
)

test.each([
  ['/backups/unknown/db.dump.zst.age.00000', 404],
  ['/backups/known/db.dump.zst.age.00005', 404],
  ['/backups/known/db.dump.zst.age.00007', 410],
  ['/backups/known/db.dump.zst.age.00001.partial', 404],
  ['/backups/known/db.dump.zst.age.00001', 404],
  ['/backups/known/attempt.json', 404],
  ['/backups/known/sealed.json', 404],
  ['/backups/known/..%2f..%2fetc%2fpasswd', 404],
  ['/backups/known/RECOVER.md', 200],
  [`/wal/records/${WAL}`, 200],
  ['/wal/records/000000010000000000000004.0123456789abcdef.zst.age', 410],
  ['/wal/others/000000010000000000000003.0123456789abcdef.zst.age', 410],
  [`/wal/records/${WAL}.partial`, 404],
  ['/wal/records/..%2f..%2fagent.json', 404],
  [`/wal/..%2fwal%2frecords/${WAL}`, 404],
])('%s is answered with %i', async (path, status) => {
  expect((await get(path)).status).toBe(status)
})
