import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { askedOnce } from '../src/tools/asked-once.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-asked-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function program(name: string, contents: string): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, contents, { mode: 0o755 })
  return path
}

test('a program is asked once, and again when another lies in its place', async () => {
  const path = await program('tool', '\x7fELF 1')
  const ask = vi.fn().mockResolvedValueOnce('1.0').mockResolvedValueOnce('2.0')
  expect(await askedOnce(path, 'version', ask)).toBe('1.0')
  expect(await askedOnce(path, 'version', ask)).toBe('1.0')
  await rm(path)
  await program('tool', '\x7fELF 2')
  expect(await askedOnce(path, 'version', ask)).toBe('2.0')
  expect(ask).toHaveBeenCalledTimes(2)
})

test('each question has an answer of its own', async () => {
  const path = await program('two', '\x7fELF')
  expect(await askedOnce(path, 'version', async () => '1.0')).toBe('1.0')
  expect(await askedOnce(path, 'attributes', async () => 'yes')).toBe('yes')
})

test('a script is asked each time: what it leads to may be another program by now', async () => {
  const path = await program('wrapper', '#!/bin/sh\n')
  const ask = vi.fn().mockResolvedValueOnce('1.0').mockResolvedValueOnce('2.0')
  expect(await askedOnce(path, 'version', ask)).toBe('1.0')
  expect(await askedOnce(path, 'version', ask)).toBe('2.0')
})

test('a program that gave no answer is asked again', async () => {
  const path = await program('late', '\x7fELF')
  const ask = vi.fn().mockRejectedValueOnce(new Error('no time')).mockResolvedValueOnce('1.0')
  await expect(askedOnce(path, 'version', ask)).rejects.toThrow('no time')
  expect(await askedOnce(path, 'version', ask)).toBe('1.0')
})
