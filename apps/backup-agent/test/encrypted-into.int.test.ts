import { execFile, execFileSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { findProgram } from '@lifeboat/postgres/tools/find-tools.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { encryptedInto } from '../src/phases/encrypted-into.ts'

const run = promisify(execFile)
const ABSENT = '/nonexistent/age'

/** Whose key only the age program understands, and whose it writes by itself. */
const KINDS = ['ssh', 'native'] as const
type Kind = (typeof KINDS)[number]

let folder: string
let program: string
const recipients = {} as Record<Kind, string>
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-encrypted-'))
  program = (await findProgram('age', { toolPaths: [] })).path
  await run('age-keygen', ['-o', join(folder, 'native')])
  recipients.native = (await run('age-keygen', ['-y', join(folder, 'native')])).stdout.trim()
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, 'ssh')])
  recipients.ssh = (await run('cat', [join(folder, 'ssh.pub')])).stdout.trim()
})
afterAll(() => rm(folder, { recursive: true }))

/**
 * @param room bytes the sink behind the encryption has room for; default any
 * @returns what it was given, and whether it saw the end
 */
async function encrypt(bytes: AsyncIterable<Uint8Array>, to: readonly Kind[], path: string, room = Infinity) {
  const given: { bytes: Buffer; ended: boolean; failure?: unknown } = { bytes: Buffer.alloc(0), ended: false }
  const sink = async (chunks: AsyncIterable<Uint8Array>) => {
    for await (const chunk of chunks) {
      if (given.bytes.length + chunk.length > room) throw new Error('the spool is full')
      given.bytes = Buffer.concat([given.bytes, chunk])
    }
    given.ended = true
  }
  const about = {
    recipients: to.map((kind) => recipients[kind]),
    signal: new AbortController().signal,
    log: silentLogger,
  }
  await encryptedInto(sink, about, { age: { path, versionLine: '' } })(bytes).catch((thrown: unknown) => {
    given.failure = thrown
  })
  return given
}

async function* inPieces(text: string, andThen?: Error): AsyncGenerator<Buffer> {
  for (let at = 0; at < text.length; at += 50_000) yield Buffer.from(text.slice(at, at + 50_000))
  if (andThen) throw andThen
}

/** As `RECOVER.md` says. */
async function read(bytes: Buffer, by: Kind): Promise<string> {
  await writeFile(join(folder, 'sealed'), bytes)
  return execFileSync(program, ['-d', '-i', join(folder, by), join(folder, 'sealed')], { encoding: 'utf8' })
}

const TEXT = 'a line of a dump\n'.repeat(30_000)

test('it takes no program, and the age program opens what comes of it', async () => {
  const { bytes, ended } = await encrypt(inPieces(TEXT), ['native'], ABSENT)
  expect([await read(bytes, 'native'), ended]).toEqual([TEXT, true])
})

test('one recipient that only the age program knows: it encrypts, to all of them', async () => {
  const { bytes, ended } = await encrypt(inPieces(TEXT), ['native', 'ssh'], program)
  for (const by of KINDS) expect([await read(bytes, by), ended]).toEqual([TEXT, true])
  expect((await encrypt(inPieces(TEXT), ['native', 'ssh'], ABSENT)).failure).toMatchObject({ code: 'TOOL_MISSING' })
})

test('what breaks off is told, has no end for whoever writes it down, and opens no more', async () => {
  for (const to of KINDS) {
    const broken = new Error('the dump broke off')
    const { bytes, ended, failure } = await encrypt(inPieces(TEXT, broken), [to], program)
    expect([failure, ended]).toEqual([broken, false])
    if (to === 'native') await expect(read(bytes, to)).rejects.toThrow(/age/)
  }
})

test('a sink that fails is the reason, and what comes is let go of', async () => {
  for (const to of KINDS) {
    const letGo = Promise.withResolvers<void>()
    const endless = async function* () {
      try {
        for (;;) yield Buffer.alloc(64 * 1024)
      } finally {
        letGo.resolve()
      }
    }
    const { failure, ended } = await encrypt(endless(), [to], program, 300_000)
    expect([(failure as Error).message, ended]).toEqual(['the spool is full', false])
    await letGo.promise
  }
})
