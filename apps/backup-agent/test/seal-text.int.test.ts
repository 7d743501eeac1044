import { execFile, execFileSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { ArtifactName } from '@lifeboat/shared/domain/ids.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { BackupRun } from '../src/backup-run.ts'
import { sealText } from '../src/phases/seal-text.ts'

const run = promisify(execFile)
let folder: string
let recipient: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-text-'))
  await run('age-keygen', ['-o', join(folder, 'identity')])
  recipient = (await run('age-keygen', ['-y', join(folder, 'identity')])).stdout.trim()
})
afterAll(() => rm(folder, { recursive: true }))

/** @returns the artifact, and what was written of it */
async function sealed(text: string, path = '/nonexistent/age', recipients = [recipient]) {
  const written: Uint8Array[] = []
  const writer: BackupRun['writer'] = () => async (bytes) => {
    for await (const chunk of bytes) written.push(chunk)
    return { bytes: 1, sha256: '' as never, parts: [] }
  }
  const name = 'fingerprint.json.zst.age' as ArtifactName
  const to = { recipients, writer, signal: new AbortController().signal, log: silentLogger }
  const artifact = await sealText(
    to,
    { age: { path, versionLine: '' } },
    { name, role: 'fingerprint', text, from: 'json' },
  )
  return { artifact, bytes: Buffer.concat(written) }
}

/** By stock programs, as `RECOVER.md` says. */
async function read(bytes: Buffer): Promise<string> {
  const path = join(folder, 'artifact')
  await writeFile(path, bytes)
  const script = 'age -d -i "$1" "$2" | zstd -dc'
  const how = { encoding: 'utf8', maxBuffer: 1e8 } as const
  return execFileSync('bash', ['-euo', 'pipefail', '-c', script, 'bash', join(folder, 'identity'), path], how)
}

test('a text is sealed without any program, a long one too, and stock programs read it', async () => {
  for (const text of ['', '{"name":"Ö"}', 'x'.repeat(300_000), 'table after table '.repeat(600_000)]) {
    const { artifact, bytes } = await sealed(text)
    expect(artifact).toMatchObject({ role: 'fingerprint', encoding: ['json', 'zstd', 'age'] })
    expect(await read(bytes)).toBe(text)
  }
})

test('recipients of a kind that only the age program knows are left to it', async () => {
  const path = join(folder, 'age-with-plugin')
  await writeFile(path, '#!/bin/sh\necho "$@"; cat >/dev/null\n', { mode: 0o755 })
  const { bytes } = await sealed('{}', path, [recipient, 'age1yubikey1qwertz'])
  expect(bytes.toString()).toBe(`--recipient ${recipient} --recipient age1yubikey1qwertz\n`)
})
