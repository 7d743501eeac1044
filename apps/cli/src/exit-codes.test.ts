import { readFileSync } from 'node:fs'
import { ERROR_CODES } from '@lifeboat/shared/errors/catalogue.ts'
import { expect, test } from 'vitest'
import { EXIT_CODES, exitOf } from './exit-codes.ts'
import { runCli } from './run-cli.ts'

const known = Object.values(EXIT_CODES).map(({ code, meaning }) => `${code} ${meaning}`)

function helpOf(...argv: string[]): Promise<{ code: number; text: string }> {
  return typed(...argv, '--help')
}

async function typed(...argv: string[]): Promise<{ code: number; text: string }> {
  let text = ''
  const out = (chunk: string) => {
    text += chunk
  }
  const signal = new AbortController().signal
  const code = await runCli(argv, {
    env: {},
    cwd: '/',
    signal,
    out,
    err: out,
    colour: false,
    liveWidth: undefined,
  })
  return { code, text }
}

function listed(text: string, row: RegExp): string[] {
  return [...text.matchAll(row)].map(([, code, meaning]) => `${code} ${meaning}`)
}

test('--help, of every command too, lists exactly the exit codes there are', async () => {
  for (const argv of [[], ['backup'], ['backup', 'now'], ['status']]) {
    const { code, text } = await helpOf(...argv)
    expect(code).toBe(0)
    expect(listed(text.slice(text.indexOf('Exit codes:')), /^ +(\d+) {2}(.+)$/gm)).toEqual(known)
  }
})

test('docs/cli.md lists exactly the exit codes there are', () => {
  const docs = readFileSync(new URL('../../../docs/cli.md', import.meta.url), 'utf8')
  expect(listed(docs.slice(docs.indexOf('## Exit codes')), /^\| (\d+) \| (.+) \|$/gm)).toEqual(known)
})

test('no two exit codes are the same', () => {
  expect(new Set(Object.values(EXIT_CODES).map(({ code }) => code)).size).toBe(known.length)
})

test('every error of the catalogue ends the program with a code of its kind', () => {
  const kinds = Object.groupBy(ERROR_CODES, (code) => exitOf(code))
  expect(kinds.internal).toEqual(['INTERNAL'])
  expect(kinds.usage?.toSorted()).toEqual([
    'CLI_UNCONFIRMED',
    'CLI_USAGE',
    'RECOVERY_CHOICE_UNCLEAR',
    'RECOVERY_GOAL_UNREADABLE',
    'RECOVERY_TIME_UNZONED',
    'TARGET_ADDRESS_UNREADABLE',
  ])
  expect(kinds.config).toEqual(ERROR_CODES.filter((code) => code.startsWith('CONFIG_')))
  expect(kinds.unknown).toEqual(
    expect.arrayContaining(['SOURCE_UNKNOWN', 'TARGET_UNKNOWN', 'BACKUP_UNKNOWN', 'RUN_UNKNOWN', 'DRILL_UNKNOWN']),
  )
  expect(kinds.unreachable).toEqual(
    expect.arrayContaining(['BUS_UNREACHABLE', 'SOURCE_AUTH_REFUSED', 'TARGET_UNREACHABLE', 'TARGET_REFUSED']),
  )
  expect(kinds.failed).toEqual(expect.arrayContaining(['DRILL_RESTORE_FAILED', 'COPY_INCOMPLETE', 'TARGET_MISSING']))
})

test('what was typed wrong is an error with a code, what is meant instead and the next step, in JSON where that was asked for', async () => {
  const { code, text } = await typed('stauts')
  expect(code).toBe(EXIT_CODES.usage.code)
  expect(text).toBe(
    [
      'CLI_USAGE: The command cannot be understood as it stands',
      "  problem: unknown command 'stauts'",
      '  suggestion: Did you mean status?',
      '  next: Look at the command with --help.\n',
    ].join('\n'),
  )
  const json = await typed('backup', 'now', '--json')
  expect(json.code).toBe(EXIT_CODES.usage.code)
  expect(JSON.parse(json.text)).toMatchObject({
    error: { code: 'CLI_USAGE', facts: { problem: expect.stringContaining('missing required argument') } },
  })
  expect((await typed('backup')).text).toMatch(/^Usage: lifeboat backup/)
})
