import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const MODULE = new URL('./own-program.ts', import.meta.url)
const SCRIPT = `import { ownProgram } from ${JSON.stringify(MODULE)}; console.log(JSON.stringify(ownProgram(new URL('file:///x.ts'), '-a')))`

function ownProgramIn(env: NodeJS.ProcessEnv): { args: string[]; env: Record<string, string> } {
  const how = ['--input-type=module', '--eval', SCRIPT]
  return JSON.parse(spawnSync(process.execPath, how, { env, encoding: 'utf8' }).stdout)
}

test('a program of ours keeps what Node made of its sources where its starter does, and gets nothing else of it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lifeboat-compiled-'))
  try {
    const kept = ownProgramIn({ NODE_COMPILE_CACHE: folder, OF_THE_STARTER: 'x' })
    expect(kept.args).toEqual(['/x.ts', '-a'])
    expect(kept.env.NODE_COMPILE_CACHE).toBe(folder)
    const without = ownProgramIn({ OF_THE_STARTER: 'x' })
    const { NODE_COMPILE_CACHE: _, ...base } = kept.env
    expect(without.env).toEqual(base)
    expect(base).not.toHaveProperty('OF_THE_STARTER')
  } finally {
    rmSync(folder, { recursive: true })
  }
})
