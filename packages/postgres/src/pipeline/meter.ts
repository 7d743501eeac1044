/** Counts bytes on their way and tells after each chunk how many have passed. */
export async function* meter(
  bytes: AsyncIterable<Uint8Array>,
  passed: (total: number) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  let total = 0
  for await (const chunk of bytes) {
    total += chunk.byteLength
    passed(total)
    yield chunk
  }
}
