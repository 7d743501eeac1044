import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { takeInventory } from './programs.ts'

let machine: string
beforeEach(async () => {
  machine = await mkdtemp(join(tmpdir(), 'lifeboat-setup-'))
})
afterEach(() => rm(machine, { recursive: true }))

async function program(folder: string, name: string, says: string): Promise<void> {
  await mkdir(join(machine, folder), { recursive: true })
  await writeFile(join(machine, folder, name), `#!/bin/sh\necho '${says}'\n`)
  await chmod(join(machine, folder, name), 0o755)
}

async function server(folder: string, version: string): Promise<void> {
  for (const name of ['initdb', 'pg_dump', 'postgres']) await program(folder, name, `${name} (PostgreSQL) ${version}`)
}

const look = (...folders: string[]) =>
  takeInventory(
    join(machine, 'bin'),
    folders.map((folder) => join(machine, folder)),
  )
const postgres = (inventory: Awaited<ReturnType<typeof look>>) =>
  inventory.found.find((row) => row.name === 'postgresql')?.version

describe('setup looks at the machine', () => {
  it('finds PostgreSQL where the distribution hides it and names the newest usable server', async () => {
    await server('pg/15/bin', '15.18 (Debian 15.18-0+deb12u1)')
    await server('pg/17/bin', '17.6')
    const inventory = await look('pg/*/bin')
    expect(inventory.postgresMajors).toEqual([15, 17])
    expect(postgres(inventory)).toBe('17.6')
  })

  it('takes a release candidate for its major', async () => {
    await server('bin', '18rc1')
    expect((await look()).postgresMajors).toEqual([18])
  })

  it('does not take a PostgreSQL that is too old for one that will do', async () => {
    await server('bin', '14.9')
    expect((await look()).missing).toContain('postgresql')
  })

  it('does not take a lone initdb in PATH for a server', async () => {
    await program('bin', 'initdb', 'initdb (PostgreSQL) 15.18')
    expect((await look()).missing).toContain('postgresql')
  })

  it('reads versions out of whatever else a program says', async () => {
    await program('bin', 'zstd', '*** Zstandard CLI (64-bit) v1.5.4, by Yann Collet ***')
    expect((await look()).found).toContainEqual({ name: 'zstd', version: '1.5.4' })
  })

  it('finds a program in any folder of PATH', async () => {
    await program('other', 'age', 'v1.1.1')
    const inventory = await takeInventory([join(machine, 'bin'), join(machine, 'other')].join(delimiter), [])
    expect(inventory.found).toContainEqual({ name: 'age', version: '1.1.1' })
  })
})
