import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createWriteStream, mkdirSync, writeFileSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { enableCompileCache } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import { archiveTree } from '@lifeboat/files/take/archive-tree.ts'
import { tarCreate } from '@lifeboat/files/take/tar-create.ts'
import { findProgram } from '@lifeboat/postgres/tools/find-tools.ts'
import { encrypted, nativeRecipients } from '@lifeboat/shared/age/encrypt.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { formatBytes } from '@lifeboat/shared/time/duration.ts'
import { type BenchReport, median } from './report.ts'

const run = promisify(execFile)
const ROUNDS = 3
const PER_FOLDER = 100
/** As fast as the stock pipeline would be 1; slower by a ninth is 0.9 of its speed. */
const AT_MOST = 1 / 0.9

/** `pnpm bench files [200000]`: a tree of small files packed and listed by Lifeboat, against `tar | zstd -T0 -3 | age` on the same tree. */
export async function bench([count = '200000']: readonly string[]): Promise<BenchReport> {
  await using stack = new AsyncDisposableStack()
  const folder = stack.adopt(await mkdtemp(join(tmpdir(), 'lifeboat-bench-')), (path) => rm(path, { recursive: true }))
  const root = join(folder, 'tree')
  // As an agent of the image keeps it.
  enableCompileCache(join(folder, 'compiled'))
  console.error(`writing ${count} files`)
  const bytes = writeTree(root, Number(count))
  await run('age-keygen', ['-o', join(folder, 'identity')])
  const recipient = /age1\w+/.exec(await readFile(join(folder, 'identity'), 'utf8'))?.[0] ?? ''
  const seconds = { stock: [] as number[], ours: [] as number[] }
  for (let round = 0; round <= ROUNDS; round++) {
    console.error(`round ${round} of ${ROUNDS}`)
    const stock = await timed(() => packStock(root, recipient, join(folder, 'stock')))
    const ours = await timed(() => packOurs(root, recipient, folder))
    // The first fills the cache of the file system, and that of what Node makes of the sources.
    if (round > 0) seconds.stock.push(stock)
    if (round > 0) seconds.ours.push(ours)
  }
  const [stock, ours] = [median(seconds.stock), median(seconds.ours)]
  const row = (name: string, each: number) => [
    name,
    `${each.toFixed(1)} s`,
    `${Math.round(Number(count) / each)} files/s`,
  ]
  return {
    title: `${count} files of ${formatBytes(bytes)} in folders of ${PER_FOLDER}, medians of ${ROUNDS} rounds, the files in the cache.`,
    tables: [
      {
        columns: ['', 'time', 'speed'],
        rows: [
          row('`tar | zstd -T0 -3 | age`', stock),
          row('Lifeboat: archive and list of members with digests', ours),
        ],
      },
    ],
    ratios: [
      { what: 'time of Lifeboat against the stock pipeline', ratio: ours / stock, limit: Number(AT_MOST.toFixed(2)) },
    ],
    notes: [
      'Lifeboat archives for later incrementals (times to the nanosecond, what each folder holds), hashes every file and both streams, and seals a list; the stock pipeline does none of it. It encrypts by itself, in the one thread that hashes, as an agent does. As in the image, its programs start from what Node made of their sources before.',
    ],
  }
}

/** Sizes like those of code and configuration: many small, few large. */
function writeTree(root: string, count: number): number {
  const text = Buffer.from('export const value = { name: "a setting", count: 42, ratio: 0.5 }\n'.repeat(2000))
  let bytes = 0
  for (let no = 0; no < count; no++) {
    const folder = join(root, String(Math.floor(no / PER_FOLDER / 50)), String(Math.floor(no / PER_FOLDER) % 50))
    if (no % PER_FOLDER === 0) mkdirSync(folder, { recursive: true })
    const size = 200 + ((no * 7919) % 4000) + (no % 100 === 0 ? 60_000 : 0)
    const from = (no * 31) % 1000
    writeFileSync(
      join(folder, `file-${no}.ts`),
      Buffer.concat([
        Buffer.from(`// ${createHash('md5').update(String(no)).digest('hex')}\n`),
        text.subarray(from, from + size),
      ]),
    )
    bytes += size + 36
  }
  return bytes
}

async function packStock(root: string, recipient: string, into: string): Promise<void> {
  const script = 'tar -c -C "$ROOT" . | zstd -q -T0 -3 | age -r "$RECIPIENT" > "$INTO"'
  await run('sh', ['-ec', script], { env: { ...process.env, ROOT: root, RECIPIENT: recipient, INTO: into } })
}

async function packOurs(root: string, recipient: string, folder: string): Promise<void> {
  const { path: program } = await findProgram('tar', { toolPaths: [] })
  const keys = nativeRecipients([recipient]) ?? []
  const sink = (name: string) => (bytes: AsyncIterable<Uint8Array>) =>
    hashedInto(join(folder, name), encrypted(bytes, keys))
  await archiveTree(
    {
      tar: tarCreate({
        ...{ program, root, oneFilesystem: true, excludes: [], attributes: true },
      }),
      level: 3,
      snapshot: { path: join(folder, 'snapshot'), root, startedMs: Date.now(), oneFilesystem: true },
      ...{ points: [Buffer.from('.')], left: [] },
      ...{ archive: sink('archive'), list: sink('list') },
    },
    { signal: new AbortController().signal, log: silentLogger },
  )
}

/** What the spool does with each byte where no target wants an MD5: the digests of the artifact and of its part, on its way to the disk. */
function hashedInto(path: string, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  return pipeline(
    bytes,
    async function* (chunks: AsyncIterable<Uint8Array>) {
      const [artifact, part] = [createHash('sha256'), createHash('sha256')]
      for await (const chunk of chunks) {
        artifact.update(chunk)
        part.update(chunk)
        yield chunk
      }
    },
    createWriteStream(path),
  )
}

async function timed(work: () => Promise<void>): Promise<number> {
  const begun = performance.now()
  await work()
  return (performance.now() - begun) / 1000
}
