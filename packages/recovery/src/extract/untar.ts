import { BLOCK_BYTES, readTarHeader, type TarMember, unreadable } from './tar-header.ts'

/** Takes the contents of one file; a chunk is its own only for as long as the call lasts. */
export interface FileSink {
  write(chunk: Buffer): void
  close(): void
}

/** Where members go. */
export interface Placement {
  folder(member: TarMember): void
  link(member: TarMember): void
  file(member: TarMember): FileSink
}

/**
 * Takes a tar stream apart as it comes.
 *
 * @returns number of members
 * @throws LifeboatError ARTIFACT_UNREADABLE – no archive of PostgreSQL's, or only the beginning of one
 */
export async function untar(chunks: AsyncIterable<Buffer>, to: Placement): Promise<{ members: number; bytes: number }> {
  const state: State = {
    rest: Buffer.alloc(0),
    open: undefined,
    left: 0,
    padding: 0,
    ended: false,
    members: 0,
    bytes: 0,
  }
  for await (const chunk of chunks) take(state, chunk, to)
  if (state.open || state.left > 0 || state.rest.length > 0)
    throw unreadable('it ends in the middle of a member', state.open?.name ?? '')
  if (!state.ended) throw unreadable('it has no end', '')
  return { members: state.members, bytes: state.bytes }
}

interface State {
  /** The beginning of a header whose end has not come yet. */
  rest: Buffer
  open: { name: string; sink: FileSink } | undefined
  /** Contents of the open member still to come. */
  left: number
  /** Zeros to be skipped behind it. */
  padding: number
  /** The zeros at the end have begun. */
  ended: boolean
  members: number
  bytes: number
}

function take(state: State, chunk: Buffer, to: Placement): void {
  let at = 0
  while (at < chunk.length) {
    if (state.left > 0) at += takeContents(state, chunk.subarray(at, at + state.left))
    else if (state.padding > 0) at += skip(state, chunk.length - at)
    else at += takeHeader(state, chunk.subarray(at), to)
  }
}

function takeContents(state: State, contents: Buffer): number {
  state.open?.sink.write(contents)
  state.left -= contents.length
  if (state.left === 0) finish(state)
  return contents.length
}

function skip(state: State, available: number): number {
  const skipped = Math.min(state.padding, available)
  state.padding -= skipped
  return skipped
}

function takeHeader(state: State, from: Buffer, to: Placement): number {
  const missing = BLOCK_BYTES - state.rest.length
  const taken = from.subarray(0, missing)
  const block = state.rest.length === 0 ? taken : Buffer.concat([state.rest, taken])
  state.rest = block.length < BLOCK_BYTES ? Buffer.from(block) : Buffer.alloc(0)
  if (block.length === BLOCK_BYTES) begin(state, readTarHeader(block), to)
  return taken.length
}

function begin(state: State, member: TarMember | undefined, to: Placement): void {
  if (member === undefined) {
    state.ended = true
    return
  }
  if (state.ended) throw unreadable('something follows its end', member.name)
  state.members++
  state.bytes += member.bytes
  if (member.kind === 'folder') to.folder(member)
  else if (member.kind === 'link') to.link(member)
  else beginFile(state, member, to)
}

function beginFile(state: State, member: TarMember, to: Placement): void {
  state.left = member.bytes
  state.padding = (BLOCK_BYTES - (member.bytes % BLOCK_BYTES)) % BLOCK_BYTES
  state.open = { name: member.name, sink: to.file(member) }
  if (state.left === 0) finish(state)
}

function finish(state: State): void {
  state.open?.sink.close()
  state.open = undefined
}
