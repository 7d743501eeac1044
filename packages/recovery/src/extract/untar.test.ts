import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { untar } from './untar.ts'

interface Given {
  name: string
  contents: Buffer
  kind?: string
  leadsTo?: string
}

/** A member as PostgreSQL writes it. */
function member({ name, contents, kind = '0', leadsTo = '' }: Given): Buffer {
  const header = Buffer.alloc(512)
  header.write(name, 0)
  header.write('0000600\0', 100)
  header.write(contents.length.toString(8).padStart(11, '0'), 124)
  header.write(' '.repeat(8), 148)
  header.write(kind, 156)
  header.write(leadsTo, 157)
  header.write('ustar\x0000', 257)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return Buffer.concat([header, contents, Buffer.alloc((512 - (contents.length % 512)) % 512)])
}
const END = Buffer.alloc(1024)

async function taken(archive: Buffer, cutAt: readonly number[] = []): Promise<Record<string, string>> {
  const files: Record<string, string> = {}
  const add = (name: string, text: string) => {
    files[name] = (files[name] ?? '') + text
  }
  const edges = [0, ...[...cutAt].sort((a, b) => a - b), archive.length]
  const chunks = edges.slice(1).map((edge, index) => archive.subarray(edges[index], edge))
  await untar(
    (async function* () {
      yield* chunks
    })(),
    {
      folder: ({ name }) => add(`${name}/`, ''),
      link: ({ name, leadsTo }) => add(name, `-> ${leadsTo}`),
      file({ name }) {
        add(name, '')
        return { write: (chunk) => add(name, chunk.toString('latin1')), close() {} }
      },
    },
  )
  return files
}
const code = (archive: Buffer) =>
  taken(archive).then(
    () => 'taken',
    (thrown) => LifeboatError.from(thrown).code,
  )

test('files, folders and links come out, wherever the stream is cut', async () => {
  const sizes = fc.array(fc.integer({ min: 0, max: 2000 }), { maxLength: 5 })
  await fc.assert(
    fc.asyncProperty(sizes, fc.array(fc.nat(9000), { maxLength: 8 }), async (lengths, cuts) => {
      const files = lengths.map((bytes, no) => ({ name: `base/${no}`, contents: Buffer.alloc(bytes, 65 + no) }))
      const archive = Buffer.concat([
        member({ name: './pg_tblspc/', contents: Buffer.alloc(0), kind: '5' }),
        member({ name: 'pg_tblspc/1', contents: Buffer.alloc(0), kind: '2', leadsTo: '/elsewhere' }),
        ...files.map(member),
        END,
      ])
      const inside = cuts.map((cut) => Math.min(cut, archive.length))
      expect(await taken(archive, inside)).toEqual({
        ...{ 'pg_tblspc/': '', 'pg_tblspc/1': '-> /elsewhere' },
        ...Object.fromEntries(files.map(({ name, contents }) => [name, contents.toString('latin1')])),
      })
    }),
    { numRuns: 50 },
  )
})

test.each([
  ['the end is missing', member({ name: 'a', contents: Buffer.from('x') })],
  ['it ends inside a file', member({ name: 'a', contents: Buffer.alloc(2000) }).subarray(0, 1500)],
  ['it ends inside a header', Buffer.concat([member({ name: 'a', contents: Buffer.alloc(0) }), END.subarray(0, 100)])],
  ['something follows its end', Buffer.concat([END, member({ name: 'a', contents: Buffer.alloc(0) })])],
  ['a name leads out', Buffer.concat([member({ name: '../a', contents: Buffer.alloc(0) }), END])],
  ['a name begins at the root', Buffer.concat([member({ name: '/etc/a', contents: Buffer.alloc(0) }), END])],
  ['a device', Buffer.concat([member({ name: 'null', contents: Buffer.alloc(0), kind: '3' }), END])],
  ['a flipped bit in a header', Buffer.concat([flipped(member({ name: 'abc', contents: Buffer.alloc(0) })), END])],
])('no archive of a server: %s', async (_, archive) => expect(await code(archive)).toBe('ARTIFACT_UNREADABLE'))

function flipped(archive: Buffer): Buffer {
  archive[1] = (archive[1] as number) ^ 1
  return archive
}
