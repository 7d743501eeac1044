import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { TargetConfig } from '@lifeboat/storage/target-config.ts'
import type { z } from 'zod'
import { startAzurite } from '../azurite.ts'
import { startGcsServer } from '../gcs-server.ts'
import { startS3Server } from '../s3-server.ts'
import type { WorldKeys } from './keys.ts'

export type TargetKind = z.input<typeof TargetConfig>['kind']

/** A store of its own for one target of the world, as lifeboat.yaml describes it. */
export interface WorldTarget extends AsyncDisposable {
  kind: TargetKind
  config: z.input<typeof TargetConfig>
  /** For people: an address or a folder. */
  address: string
}

interface Place {
  folder: string
  keys: WorldKeys
}

const OPENERS: Record<TargetKind, (name: string, place: Place) => Promise<WorldTarget>> = {
  s3: openS3,
  gcs: openGcs,
  azure: openAzure,
  filesystem: openFolder,
}

export function openWorldTarget(kind: TargetKind, name: string, place: Place): Promise<WorldTarget> {
  return OPENERS[kind](name, place)
}

async function openS3(name: string, { keys }: Place): Promise<WorldTarget> {
  const server = await startS3Server({ pageSize: 1000 })
  const config = {
    kind: 's3' as const,
    bucket: server.bucket,
    region: server.region,
    endpoint: server.endpoint,
    forcePathStyle: true,
    accessKeyId: await keys.secret(`${name}-access-key-id`, server.credentials.accessKeyId),
    secretAccessKey: await keys.secret(`${name}-secret-access-key`, server.credentials.secretAccessKey),
  }
  return { kind: 's3', config, address: `${server.endpoint}/${server.bucket}`, ...disposing(server) }
}

async function openGcs(name: string): Promise<WorldTarget> {
  const bucket = `lifeboat-${name}`
  const server = await startGcsServer({ buckets: [bucket], pageLimit: 1000 })
  const config = { kind: 'gcs' as const, bucket, projectId: 'lifeboat', endpoint: server.endpoint }
  return { kind: 'gcs', config, address: `${server.endpoint}/${bucket}`, ...disposing(server) }
}

async function openAzure(name: string, { keys }: Place): Promise<WorldTarget> {
  const server = await startAzurite()
  const container = `lifeboat-${name}`
  await server.createContainer(container)
  const accountKey = await keys.secret(`${name}-account-key`, server.accountKey)
  const config = { kind: 'azure' as const, container, account: server.account, endpoint: server.endpoint, accountKey }
  return { kind: 'azure', config, address: `${server.endpoint}/${container}`, ...disposing(server) }
}

async function openFolder(name: string, { folder }: Place): Promise<WorldTarget> {
  const path = join(folder, 'targets', name)
  await mkdir(path, { recursive: true })
  return { kind: 'filesystem', config: { kind: 'filesystem', path }, address: path, async [Symbol.asyncDispose]() {} }
}

function disposing(server: AsyncDisposable): AsyncDisposable {
  return { [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() }
}
