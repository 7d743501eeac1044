import { spawnSync } from 'node:child_process'
import { hash } from 'node:crypto'
import { BASE_ENV } from '@lifeboat/postgres/tools/stage.ts'
import type { Purpose } from './withheld.ts'

const BATCH_LENGTH = 512 * 1024
const OUTPUT_BYTES = 256 * 1024 ** 2
const LISTS = new Set(['system.posix_acl_access', 'system.posix_acl_default'])

/**
 * Whether an attribute is set. Always: what programs keep for themselves, and access control lists. Capabilities, labels and whatever else the kernel
 * acts on: only root may, and in a drill nothing that came out of a bucket gets them.
 */
export function isSettable(name: string, purpose: Purpose): boolean {
  return name.startsWith('user.') || LISTS.has(name) || (purpose === 'restore' && process.getuid?.() === 0)
}

/**
 * Sets extended attributes, many at a time: Node has no call for them. What cannot be set shows when they are read back.
 *
 * @see https://manpages.debian.org/bookworm/attr/setfattr.1.en.html – `--restore`
 */
export class AttributeSetter {
  readonly #purpose: Purpose
  #text = ''
  /** Why none can be set here. */
  unavailable: string | undefined

  constructor(purpose: Purpose) {
    this.#purpose = purpose
  }

  /** @param path bytes as latin1; values likewise */
  add(path: string, xattrs: ReadonlyMap<string, string>): void {
    const settable = [...xattrs].filter(([name]) => isSettable(name, this.#purpose))
    if (settable.length === 0 || this.unavailable !== undefined) return
    const lines = settable.map(
      ([name, value]) => `${escaped(name)}=0s${Buffer.from(value, 'latin1').toString('base64')}\n`,
    )
    this.#text += `# file: ${escaped(path)}\n${lines.join('')}\n`
    if (this.#text.length >= BATCH_LENGTH) this.flush()
  }

  flush(): void {
    if (this.#text === '') return
    const said = run('setfattr', ['-h', '--restore=-'], Buffer.from(this.#text, 'latin1'))
    this.#text = ''
    if ('missing' in said) this.unavailable = said.missing
    else if (said.stderr.includes('Operation not supported')) this.unavailable = 'the file system keeps none'
  }
}

/** Reads the attributes of files. @returns path → name → SHA-256 of the value; or why that cannot be done */
export function readAttributes(paths: readonly string[]): Map<string, Map<string, string>> | { missing: string } {
  const input = Buffer.from(paths.map((path) => `${path}\0`).join(''), 'latin1')
  const how = ['-0', 'getfattr', '-h', '-d', '-m', '-', '-e', 'base64', '--absolute-names', '--']
  const said = run('xargs', how, input)
  if ('missing' in said) return said
  if (said.status === 127) return { missing: missing('getfattr') }
  const found = new Map<string, Map<string, string>>()
  let attributes = new Map<string, string>()
  for (const line of said.stdout.split('\n')) {
    if (line.startsWith('# file: ')) {
      attributes = new Map()
      found.set(unescaped(line.slice('# file: '.length)), attributes)
    }
    const [, name, value] = /^([^#=]+)=0s(.*)$/.exec(line) ?? []
    if (name !== undefined) attributes.set(unescaped(name), hash('sha256', Buffer.from(value ?? '', 'base64')))
  }
  return found
}

interface Said {
  status: number | null
  stdout: string
  stderr: string
}

function run(program: string, args: readonly string[], input: Buffer): Said | { missing: string } {
  const { error, status, stdout, stderr } = spawnSync(program, args, { input, env: BASE_ENV, maxBuffer: OUTPUT_BYTES })
  if ((error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') return { missing: missing(program) }
  if (error) throw error
  return { status, stdout: stdout.toString('latin1'), stderr: stderr.toString('latin1') }
}

function missing(program: string): string {
  return `${program} is missing on this host: install attr`
}

/** Both programs write what could be mistaken as octal digits, as `\012`. */
function escaped(text: string): string {
  return text.replace(/[\0-\x20\\=\x7f-\xff]/g, (each) => `\\${each.charCodeAt(0).toString(8).padStart(3, '0')}`)
}

function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
}
