import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32c, crc32cText } from './crc32c.ts'

/** What is known of bytes that lie on disk. */
export interface Body {
  path: string
  bytes: number
  md5Hash: string
  crc32c: string
}

/** Bytes on their way in: written to disk as they come, hashed on the way, an object only once committed. */
export class Draft {
  readonly path: string
  readonly #file: FileHandle
  #md5 = createHash('md5')
  #crc = 0
  #bytes = 0

  private constructor(path: string, file: FileHandle) {
    this.path = path
    this.#file = file
  }

  static async begin(folder: string): Promise<Draft> {
    const path = join(folder, crypto.randomUUID())
    return new Draft(path, await open(path, 'wx+'))
  }

  get bytes(): number {
    return this.#bytes
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#md5.update(chunk)
    this.#crc = crc32c(chunk, this.#crc)
    await this.#file.write(chunk, 0, chunk.byteLength, this.#bytes)
    this.#bytes += chunk.byteLength
  }

  /** Forgets everything after the first `bytes`, as a server does that keeps whole 256 KiB units only. */
  async cutTo(bytes: number): Promise<void> {
    if (bytes === this.#bytes) return
    await this.#file.truncate(bytes)
    this.#md5 = createHash('md5')
    this.#crc = 0
    this.#bytes = bytes
    if (bytes === 0) return
    for await (const chunk of createReadStream(this.path)) {
      this.#md5.update(chunk as Buffer)
      this.#crc = crc32c(chunk as Buffer, this.#crc)
    }
  }

  async finish(): Promise<Body> {
    await this.#file.close()
    return {
      path: this.path,
      bytes: this.#bytes,
      md5Hash: this.#md5.digest('base64'),
      crc32c: crc32cText(this.#crc),
    }
  }

  async discard(): Promise<void> {
    await this.#file.close().catch(() => undefined)
    await rm(this.path, { force: true })
  }
}
