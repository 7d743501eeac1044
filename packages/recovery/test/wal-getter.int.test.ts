import { execFile } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { serverAccount } from '@lifeboat/postgres/scratch/owner.ts'
import { getWalScript, restoreCommand } from '@lifeboat/recovery/wal/get-wal-script.ts'
import { openWalGetter, type WalGetter, type WalShelf } from '@lifeboat/recovery/wal/wal-getter.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { eventually } from '@lifeboat/testkit/eventually.ts'
import { afterEach, beforeEach, expect, test } from 'vitest'

const [FIRST, SECOND, THIRD] = ['000000010000000000000001', '000000010000000000000002', '000000010000000000000003']
const run = promisify(execFile)
let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lifeboat getter's-"))
  await chmod(folder, 0o777)
})
afterEach(() => rm(folder, { recursive: true, force: true }))

interface Shelf extends WalShelf {
  made: string[]
  files: Map<string, Buffer | LifeboatError>
}

function aShelf(files: Record<string, string | LifeboatError>): Shelf {
  const shelf: Shelf = {
    takesBytes: 0,
    made: [],
    files: new Map(
      Object.entries(files).map(([name, file]) => [name, typeof file === 'string' ? Buffer.from(file) : file]),
    ),
    async produce(name) {
      shelf.made.push(name)
      const file = shelf.files.get(name)
      if (file instanceof LifeboatError) throw file
      return file
    },
    after: (name) => [FIRST, SECOND, THIRD].filter((each): each is string => each !== undefined && each > name),
  }
  return shelf
}

function open(shelf: WalShelf, patienceMs = 0): Promise<WalGetter> {
  const run = { signal: AbortSignal.timeout(300_000), log: silentLogger }
  return openWalGetter({
    openShelf: async () => shelf,
    folder: join(folder, 'wal'),
    account: serverAccount(),
    run,
    patienceMs,
  })
}

/** Runs restore_command as PostgreSQL would: its placeholders filled in, by the shell, as the server's account. */
function ask({ restoreCommand }: WalGetter, name: string): Promise<number> {
  const command = restoreCommand.replaceAll('%f', name).replaceAll('%p', 'RECOVERYXLOG').replaceAll('%%', '%')
  return new Promise((resolve) => {
    execFile('/bin/sh', ['-c', command], { cwd: folder, ...serverAccount() }, (err) =>
      resolve(err ? Number(err.code) : 0),
    )
  })
}
const given = () => readFile(join(folder, 'RECOVERYXLOG'), 'utf8')

test('what is there is moved into place, and what comes next is fetched ahead', async () => {
  const shelf = aShelf({ [FIRST as string]: 'one', [SECOND as string]: 'two' })
  await using getter = await open(shelf)
  expect(await ask(getter, FIRST as string)).toBe(0)
  expect(await given()).toBe('one')
  await eventually(async () => expect(await readdir(join(folder, 'wal', 'ready'))).toEqual([SECOND]))
  expect(await ask(getter, SECOND as string)).toBe(0)
  expect(await given()).toBe('two')
  expect(shelf.made.filter((name) => name === SECOND)).toHaveLength(1)
})

test('what will be asked for first is there before anybody asks', async () => {
  const shelf = aShelf({ [FIRST as string]: 'one', [SECOND as string]: 'two' })
  await using getter = await open(shelf)
  getter.ahead(FIRST as string)
  await eventually(async () =>
    expect((await readdir(join(folder, 'wal', 'ready'))).toSorted()).toEqual([FIRST, SECOND]),
  )
  expect(await ask(getter, FIRST as string)).toBe(0)
  expect(await given()).toBe('one')
  expect(shelf.made.filter((name) => name === FIRST)).toHaveLength(1)
})

test('nothing more is fetched ahead of a replay that rests, until it asks again', async () => {
  const names = Array.from({ length: 6 }, (_, no) => `00000001000000000000000${no + 1}`)
  const gate = Promise.withResolvers<void>()
  const made: string[] = []
  const shelf: WalShelf = {
    takesBytes: 0,
    async produce(name) {
      if (!names.includes(name)) return undefined
      made.push(name)
      await gate.promise
      return Buffer.from(name)
    },
    after: (name) => names.filter((each) => each > name),
  }
  const ready = () => readdir(join(folder, 'wal', 'ready'))
  await using getter = await open(shelf)
  getter.ahead(names[0] as string)
  await eventually(() => expect(made.length).toBeGreaterThan(1))
  const before = [...made]
  getter.rest()
  gate.resolve()
  await eventually(async () => expect((await ready()).toSorted()).toEqual(before.toSorted()))
  // Told of by the getter after all of that; nothing comes after it.
  expect(await ask(getter, '00000002.history')).toBe(1)
  expect(made).toEqual(before)
  expect(await ask(getter, names[0] as string)).toBe(0)
  await eventually(() => expect(made).toEqual(names))
})

test('the memory of a file that was written is given back', async () => {
  const contents = Buffer.allocUnsafeSlow(1000).fill('w')
  const shelf: WalShelf = { takesBytes: 0, produce: async () => contents, after: () => [] }
  await using getter = await open(shelf)
  expect(await ask(getter, FIRST as string)).toBe(0)
  expect(await given()).toBe('w'.repeat(1000))
  expect(contents).toHaveLength(0)
})

test('a file that is asked for again is there again', async () => {
  await using getter = await open(aShelf({ [FIRST as string]: 'one' }))
  for (const _ of [1, 2, 3]) {
    await rm(join(folder, 'RECOVERYXLOG'), { force: true })
    expect(await ask(getter, FIRST as string)).toBe(0)
    expect(await given()).toBe('one')
  }
})

test('1 is said only of what does not exist', async () => {
  await using getter = await open(aShelf({}))
  expect(await ask(getter, '00000002.history')).toBe(1)
  expect(getter.trouble).toBeUndefined()
})

test.each(['WAL_MISSING', 'WAL_DAMAGED', 'TARGET_UNREACHABLE', 'TARGET_REFUSED', 'ARTIFACT_KEY_WRONG'] as const)(
  '%s stops the server instead of ending recovery, and the reason is kept',
  async (code) => {
    await using getter = await open(aShelf({ [FIRST as string]: new LifeboatError(code, { key: 'k' }) }))
    expect(await ask(getter, FIRST as string)).toBeGreaterThanOrEqual(126)
    expect(getter.trouble?.code).toBe(code)
  },
)

test('a target that is back in time is waited for', async () => {
  const shelf = aShelf({ [FIRST as string]: new LifeboatError('TARGET_UNREACHABLE', {}) })
  await using getter = await open(shelf, 60_000)
  const asked = ask(getter, FIRST as string)
  await eventually(() => expect(shelf.made.length).toBeGreaterThan(0))
  shelf.files.set(FIRST as string, Buffer.from('one'))
  expect(await asked).toBe(0)
  expect(getter.trouble).toBeUndefined()
})

test('trouble with what nobody asked for yet is no trouble', async () => {
  const shelf = aShelf({ [FIRST as string]: 'one', [SECOND as string]: new LifeboatError('WAL_DAMAGED', {}) })
  await using getter = await open(shelf)
  expect(await ask(getter, FIRST as string)).toBe(0)
  await eventually(() => expect(shelf.made).toContain(SECOND))
  expect(getter.trouble).toBeUndefined()
  shelf.files.set(SECOND as string, Buffer.from('two'))
  expect(await ask(getter, SECOND as string)).toBe(0)
})

test('a getter that was killed is noticed by its silence', async () => {
  await using getter = await open(aShelf({}))
  // The beat of a killed process stands still, and its name leads nowhere any more.
  const dead = join(folder, 'dead')
  for (const each of ['want', 'ready', 'absent', 'failed']) await mkdir(join(dead, each), { recursive: true })
  await run('chown', ['-R', `${serverAccount().uid}:${serverAccount().gid}`, dead])
  await writeFile(join(dead, 'beat'), '7\n')
  await writeFile(join(dead, 'get-wal'), getWalScript(10))
  expect(await ask({ ...getter, restoreCommand: restoreCommand(join(dead, 'get-wal')) }, FIRST as string)).toBe(200)
})

test('with nobody there to answer the server stops, whether the getter ended or its folder is gone', async () => {
  const getter = await open(aShelf({ [FIRST as string]: 'one' }))
  await getter[Symbol.asyncDispose]()
  expect(await ask(getter, FIRST as string)).toBeGreaterThanOrEqual(126)
  await rm(join(folder, 'wal'), { recursive: true })
  expect(await ask(getter, FIRST as string)).toBeGreaterThanOrEqual(126)
})
