import { type ChildProcess, fork } from 'node:child_process'
import { createHmac, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const START_LIMIT_MS = 240_000

/** An Azure Blob service of one's own in a child process; its data lies in a temporary folder that goes with it. */
export interface Azurite extends AsyncDisposable {
  /** Blob service URL, account included. */
  readonly endpoint: string
  readonly account: string
  readonly accountKey: string
  createContainer(name: string): Promise<void>
  deleteContainer(name: string): Promise<void>
  /** What the service itself says about one blob, past any client. */
  head(container: string, name: string): Promise<Headers>
  /** The index tags of one blob, past any client. */
  tags(container: string, name: string): Promise<Record<string, string>>
}

/** Boots Azurite (blob service only, strict mode) on a free port. */
export async function startAzurite(): Promise<Azurite> {
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-azurite-'))
  const account = 'lifeboattest'
  const accountKey = randomBytes(64).toString('base64')
  const child = spawnAzurite(folder, `${account}:${accountKey}`)
  const endpoint = `${await addressOf(child)}/${account}`
  const ask = (method: string, path: string, query: Record<string, string> = {}) =>
    signedRequest({ method, endpoint, path, query, account, accountKey })
  return {
    endpoint,
    account,
    accountKey,
    async createContainer(name) {
      await ask('PUT', name, { restype: 'container' })
    },
    async deleteContainer(name) {
      await ask('DELETE', name, { restype: 'container' })
    },
    async head(container, name) {
      return (await ask('HEAD', `${container}/${encodeURI(name)}`)).headers
    },
    async tags(container, name) {
      const xml = await (await ask('GET', `${container}/${encodeURI(name)}`, { comp: 'tags' })).text()
      const tags = xml.matchAll(/<Key>([^<]*)<\/Key><Value>([^<]*)<\/Value>/g)
      return Object.fromEntries([...tags].map(([, key = '', value = '']) => [key, value]))
    },
    async [Symbol.asyncDispose]() {
      child.ref()
      const ended = once(child, 'exit')
      if (child.exitCode === null && child.kill('SIGKILL')) await ended
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function spawnAzurite(folder: string, account: string): ChildProcess {
  const args = ['--location', folder, '--blobHost', '127.0.0.1', '--blobPort', '0', '--silent']
  const child = fork(
    join(import.meta.dirname, 'azurite-child.ts'),
    [...args, '--skipApiVersionCheck', '--disableTelemetry'],
    {
      cwd: folder,
      env: { PATH: process.env.PATH ?? '', AZURITE_ACCOUNTS: account },
      execArgv: [],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    },
  )
  child.unref()
  child.channel?.unref()
  return child
}

/** What it prints once it listens. */
async function addressOf(child: ChildProcess): Promise<string> {
  let printed = ''
  const found = Promise.withResolvers<string>()
  const look = (chunk: Buffer) => {
    printed += String(chunk)
    const address = /successfully listens on (http:\S+)/.exec(printed)?.[1]
    if (address !== undefined) found.resolve(address)
  }
  child.stdout?.on('data', look)
  child.stderr?.on('data', look)
  child.once('exit', (code) => found.reject(new Error(`Azurite ended with ${code}:\n${printed}`)))
  const timer = setTimeout(() => found.reject(new Error(`Azurite did not start:\n${printed}`)), START_LIMIT_MS)
  try {
    return await found.promise
  } finally {
    clearTimeout(timer)
    // Left open, the pipes would keep our event loop alive; closed, Azurite would die of its next line.
    for (const pipe of [child.stdout, child.stderr]) {
      pipe?.removeAllListeners('data').resume()
      ;(pipe as unknown as { unref?: () => void } | null)?.unref?.()
    }
  }
}

/**
 * One request signed with the account's key, so that the testkit needs no client library to prepare a test.
 *
 * @see https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key
 */
async function signedRequest(ask: {
  method: string
  endpoint: string
  path: string
  query: Record<string, string>
  account: string
  accountKey: string
}): Promise<Response> {
  const url = new URL(`${ask.endpoint}/${ask.path}?${new URLSearchParams(ask.query)}`)
  const headers = { 'x-ms-date': new Date().toUTCString(), 'x-ms-version': '2021-08-06' }
  const signed = [
    ask.method,
    ...Array.from({ length: 11 }, () => ''),
    ...Object.entries(headers).map(([name, value]) => `${name}:${value}`),
    `/${ask.account}${url.pathname}`,
    ...Object.entries(ask.query).map(([name, value]) => `${name}:${value}`),
  ].join('\n')
  const signature = createHmac('sha256', Buffer.from(ask.accountKey, 'base64')).update(signed).digest('base64')
  const authorization = `SharedKey ${ask.account}:${signature}`
  const answer = await fetch(url, { method: ask.method, headers: { ...headers, authorization } })
  if (!answer.ok) throw new Error(`Azurite answered ${answer.status}: ${await answer.text()}`)
  return answer
}
