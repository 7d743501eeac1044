import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A tree and tar's own memory of it. */
export interface Tree extends Disposable {
  readonly root: string
  /** The whole tree the first time, what changed since then. */
  archive(): Buffer
}

export function openTree(): Tree {
  const folder = mkdtempSync(join(tmpdir(), 'lifeboat-tree-'))
  const root = join(folder, 'tree')
  execFileSync('mkdir', [root])
  const how = [
    '--format=posix',
    '--sparse',
    '--xattrs',
    '--no-check-device',
    `--listed-incremental=${join(folder, 'snapshot')}`,
  ]
  return {
    root,
    archive: () => execFileSync('tar', ['--create', '--file=-', ...how, '-C', root, '.'], { maxBuffer: 1e9 }),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  }
}

export interface Hostile {
  name: string
  /** '0' file, '1' hard link, '2' symbolic link, '3' and '4' devices, '5' folder. */
  type?: string
  linksTo?: string
  mode?: number
  contents?: string
}

/** An archive nobody's tar would write. */
export function hostileArchive(members: readonly Hostile[]): Buffer {
  const blocks = members.flatMap((member) => [header(member), padded(Buffer.from(member.contents ?? ''))])
  return Buffer.concat([...blocks, Buffer.alloc(1024)])
}

function header({ name, type = '0', linksTo = '', mode = 0o644, contents = '' }: Hostile): Buffer {
  const block = Buffer.alloc(512)
  block.write(name, 0)
  block.write(`${mode.toString(8).padStart(7, '0')}\0`, 100)
  for (const at of [108, 116]) block.write('0000000\0', at)
  block.write(`${contents.length.toString(8).padStart(11, '0')}\0`, 124)
  block.write('00000000000\0', 136)
  block.write(type, 156)
  block.write(linksTo, 157)
  block.write('ustar\x0000', 257)
  block.write('        ', 148)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}

function padded(contents: Buffer): Buffer {
  return Buffer.concat([contents, Buffer.alloc((512 - (contents.length % 512)) % 512)])
}
