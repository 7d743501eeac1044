import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isRoot, orNotRun } from '@lifeboat/testkit/conditions.ts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { archiveGate } from '../src/gate/archive-gate.ts'
import { CompareReport } from '../src/replay/compare-report.ts'
import { ExtractReport } from '../src/replay/extract-report.ts'
import { compareStage, extractStage } from '../src/replay/stages.ts'
import type { Replay } from '../src/replay/withheld.ts'

let folder: string
let root: string
let into: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lifeboat-replay-'))
  root = join(folder, 'tree')
  into = join(folder, 'into')
  for (const path of [root, into]) mkdirSync(path)
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** u::rwx, u:1234:rwx, g::r-x, m::rwx, o::r-x */
const DEFAULT_LIST = '0x0200000001000700ffffffff02000700d204000004000500ffffffff10000700ffffffff20000500ffffffff'
const RESTORE: Replay = { purpose: 'restore', more: false }

function archive(names: readonly string[] = ['.'], more: readonly string[] = []): Buffer {
  const how = ['--create', '--file=-', '--format=posix', '--sparse', '--xattrs', ...more, '-C', root, ...names]
  return execFileSync('tar', how, { maxBuffer: 1e9 })
}

function replay(bytes: Buffer, about = RESTORE): { extracted: ExtractReport; compared: CompareReport } {
  let list = ''
  const gate = archiveGate({
    line(text) {
      list += text
    },
  })
  gate.add(bytes)
  const run = ({ program, args }: ReturnType<typeof extractStage>, input: Buffer | string) =>
    JSON.parse(execFileSync(program, args, { input, maxBuffer: 1e9, encoding: 'utf8' }))
  return {
    extracted: ExtractReport.parse(run(extractStage(into, about), bytes)),
    compared: CompareReport.parse(run(compareStage(into, about), list)),
  }
}

/** Everything of a tree that has to come back, its attributes besides. */
function described(of: string): string {
  const script = `cd "$AT" && find . -printf '%p %y %m %U %G %l %T@ %n\\n' | LC_ALL=C sort && find . -type f -print0 | LC_ALL=C sort -z | xargs -0r sha256sum && getfattr -R -h -d -m - . 2>/dev/null`
  // Node sets times to the microsecond.
  const text = execFileSync('sh', ['-c', script], { env: { ...process.env, AT: of }, encoding: 'latin1' })
  return text.replace(/(\.\d{6})\d{4}/g, '$1')
}

test('a restore brings everything back as it was: links that lead outside, fifos, set-user-id bits, times, attributes', () => {
  mkdirSync(join(root, 'src/deep'), { recursive: true })
  writeFileSync(join(root, 'src/index.js'), 'x'.repeat(3_000_000), { mode: 0o640 })
  writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from('bad\xff\n name', 'latin1')]), 'odd')
  writeFileSync(join(root, 'sparse'), 'begin')
  truncateSync(join(root, 'sparse'), 5_000_000)
  symlinkSync('/etc/passwd', join(root, 'absolute'))
  symlinkSync('../../outside', join(root, 'src/outside'))
  linkSync(join(root, 'src/index.js'), join(root, 'src/deep/twin'))
  execFileSync('mkfifo', ['-m', '620', join(root, 'fifo')])
  writeFileSync(join(root, 'setuid'), '#!')
  chmodSync(join(root, 'setuid'), 0o4755)
  execFileSync('setfattr', ['-n', 'user.note', '-v', 'kept', join(root, 'setuid')])
  if (isRoot) {
    execFileSync('mknod', [join(root, 'null'), 'c', '1', '3'])
    chownSync(join(root, 'src/index.js'), 1234, 4321)
  }
  utimesSync(join(root, 'src/index.js'), 1_500_000_000.25, 1_500_000_000.25)
  utimesSync(join(root, 'src/deep'), 1_400_000_000, 1_400_000_000)
  // The number nearest to it that JavaScript has is a microsecond below when it is cut.
  execFileSync('touch', ['--date=@1795953261.083844012', join(root, 'setuid')])
  chmodSync(join(root, 'src/deep'), 0o751)
  const { extracted, compared } = replay(archive())
  expect({ ...extracted, ...compared }).toMatchObject({
    ...{ withheld: {}, whole: true, above: [], refused: { count: 0 }, differing: { count: 0 } },
    ...{ owners: { count: 0 }, attributes: { count: 0, compared: 1, listed: 0 } },
  })
  expect(described(into)).toBe(described(root))
})

test('what only some parts of a tree were archived of tells which folders are no members', () => {
  mkdirSync(join(root, 'etc/app/conf.d'), { recursive: true })
  writeFileSync(join(root, 'etc/app/conf.d/a.conf'), 'a')
  writeFileSync(join(root, 'etc/other'), 'o')
  const { extracted } = replay(archive(['./etc/app/conf.d', './etc/other']))
  expect(extracted).toMatchObject({ whole: false, above: ['etc', 'etc/app'] })
})

test('a member that goes through a link that leads outside is refused in a restore too', () => {
  const outside = join(folder, 'outside')
  mkdirSync(outside)
  symlinkSync(outside, join(root, 'way'))
  const first = archive()
  rmSync(join(root, 'way'))
  mkdirSync(join(root, 'way'))
  writeFileSync(join(root, 'way/in'), 'in')
  expect(replay(first).extracted.refused.count).toBe(0)
  expect(replay(archive(['./way/in'])).extracted.refused.paths).toEqual([expect.stringMatching(/\.\/way\/in: /)])
  expect(execFileSync('ls', ['-A', outside], { encoding: 'utf8' })).toBe('')
})

test.runIf(orNotRun(isRoot, 'default lists of folders', 'root'))(
  'what a folder hands on to its files by a default list is not handed on to those of a later archive',
  () => {
    execFileSync('setfattr', ['-n', 'system.posix_acl_default', '-v', DEFAULT_LIST, root])
    writeFileSync(join(root, 'one'), '1')
    const memory = [`--listed-incremental=${join(folder, 'snapshot')}`, '--no-check-device']
    replay(archive(['.'], memory), { purpose: 'restore', more: true })
    writeFileSync(join(root, 'two'), '2')
    execFileSync('setfattr', ['-x', 'system.posix_acl_access', join(root, 'two')])
    const { compared } = replay(archive(['.'], memory))
    expect(compared).toMatchObject({ differing: { count: 0 }, attributes: { count: 0 } })
    expect(described(into)).toBe(described(root))
  },
)
