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
