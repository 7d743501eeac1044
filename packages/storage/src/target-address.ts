import type { SecretRef } from '@lifeboat/shared/config/secret-ref.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { TargetConfig } from './target-config.ts'

type Env = Readonly<Record<string, string | undefined>>

/** How an address is written, for hints. */
export const ADDRESS_FORMS =
  'file:///folder, s3://bucket/prefix, gs://bucket/prefix or azure://account/container/prefix'

/**
 * A target by its address alone, for a host that has no lifeboat.yaml. Credentials come from where each cloud's own tools look: AWS_… and roles,
 * GOOGLE_APPLICATION_CREDENTIALS, AZURE_STORAGE_KEY or AZURE_STORAGE_SAS_TOKEN. `?endpoint=` (and for S3 `region=`, `path-style`) as in lifeboat.yaml.
 *
 * @throws LifeboatError TARGET_ADDRESS_UNREADABLE
 */
export function parseTargetAddress(address: string, env: Env): TargetConfig {
  const url = URL.canParse(address) ? new URL(address) : undefined
  const read = url && KINDS[url.protocol]
  if (!url || !read) throw unreadable(address, `an address is ${ADDRESS_FORMS}`)
  if (url.username !== '' || url.password !== '')
    throw unreadable(
      `${url.protocol}//…`,
      'credentials belong into the environment: an address shows in the process list',
    )
  const parsed = TargetConfig.safeParse(withoutUndefined(read(url, env)))
  if (!parsed.success) throw unreadable(address, parsed.error.issues[0]?.message ?? `an address is ${ADDRESS_FORMS}`)
  return parsed.data
}

/** Whether it is meant as an address and not as a name under `targets`. */
export function isTargetAddress(text: string): boolean {
  return /^[a-z0-9]+:\/\//i.test(text)
}

const KINDS: Readonly<Record<string, (url: URL, env: Env) => object>> = {
  'file:': (url) => ({ kind: 'filesystem', path: decodeURIComponent(url.pathname).replace(/(?<=.)\/$/, '') }),
  's3:': (url, env) => ({
    ...{ kind: 's3', bucket: url.hostname, prefix: steps(url).join('/') },
    region: url.searchParams.get('region') ?? env.AWS_REGION ?? env.AWS_DEFAULT_REGION,
    endpoint: url.searchParams.get('endpoint') ?? env.AWS_ENDPOINT_URL_S3 ?? env.AWS_ENDPOINT_URL,
    forcePathStyle: url.searchParams.has('path-style'),
  }),
  'gs:': (url) => ({
    ...{ kind: 'gcs', bucket: url.hostname, prefix: steps(url).join('/') },
    endpoint: url.searchParams.get('endpoint') ?? undefined,
  }),
  'azure:': (url, env) => {
    const [container, ...prefix] = steps(url)
    return {
      ...{ kind: 'azure', account: url.hostname, container, prefix: prefix.join('/') },
      endpoint: url.searchParams.get('endpoint') ?? undefined,
      accountKey: named(env, 'AZURE_STORAGE_KEY'),
      sasToken: named(env, 'AZURE_STORAGE_SAS_TOKEN'),
    }
  },
}

function steps({ pathname }: URL): string[] {
  return decodeURIComponent(pathname)
    .split('/')
    .filter((step) => step !== '')
}

function named(env: Env, name: string): SecretRef | undefined {
  return env[name] ? (`env:${name}` as SecretRef) : undefined
}

function withoutUndefined(config: object): object {
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined))
}

function unreadable(given: string, problem: string): LifeboatError {
  return new LifeboatError('TARGET_ADDRESS_UNREADABLE', { given, problem })
}
