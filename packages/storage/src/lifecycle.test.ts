import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import { expect, test } from 'vitest'
import { lifecycleOf } from './lifecycle.ts'
import { TargetConfig } from './target-config.ts'

type Raw = Record<string, object>
const of = (id: string, targets: Raw) =>
  lifecycleOf(
    Object.fromEntries(Object.entries(targets).map(([name, raw]) => [name, TargetConfig.parse(raw)])),
    id as TargetId,
  )
const s3 = { kind: 's3', bucket: 'acme-backups' }
const gcs = { kind: 'gcs', bucket: 'acme-backups' }
const azure = { kind: 'azure', account: 'acme', container: 'lifeboat', sasToken: 'env:SAS' }

test('rules of S3 ask for the tag of each kind below the prefix, and move to the class after its days', () => {
  const transition = { class: 'STANDARD_IA', days: { dump: 30, base: 60 } }
  expect(of('aws', { aws: { ...s3, prefix: 'production', transition } })).toEqual({
    document: {
      Rules: [
        {
          ID: 'lifeboat-aws-dump',
          Status: 'Enabled',
          Filter: { And: { Prefix: 'production/', Tags: [{ Key: 'lifeboat-kind', Value: 'dump' }] } },
          Transitions: [{ Days: 30, StorageClass: 'STANDARD_IA' }],
        },
        {
          ID: 'lifeboat-aws-base',
          Status: 'Enabled',
          Filter: { And: { Prefix: 'production/', Tags: [{ Key: 'lifeboat-kind', Value: 'base' }] } },
          Transitions: [{ Days: 60, StorageClass: 'STANDARD_IA' }],
        },
      ],
    },
    command:
      'aws s3api put-bucket-lifecycle-configuration --bucket acme-backups --lifecycle-configuration file://lifecycle.json',
    replaces: 'all lifecycle rules of the bucket acme-backups',
    targets: ['aws'],
  })
})

test('without a prefix the tag stands alone, as S3 demands, and a store of its own is named to the tool', () => {
  const transition = { class: 'COLD-TIER', days: { files: 7 } }
  const found = of('minio', { minio: { ...s3, endpoint: 'https://minio.example.org', transition } })
  expect(found?.document).toMatchObject({ Rules: [{ Filter: { Tag: { Key: 'lifeboat-kind', Value: 'files' } } }] })
  expect(found?.command).toMatch(/ --endpoint-url https:\/\/minio\.example\.org$/)
})

test('one rule of Google does for all kinds: it asks for a custom time, which only what is marked has', () => {
  const transition = { class: 'NEARLINE', days: { dump: 30, base: 60 } }
  const rule = (under: object) => ({
    action: { type: 'SetStorageClass', storageClass: 'NEARLINE' },
    condition: { daysSinceCustomTime: 1, ...under },
  })
  const found = of('google', { google: { ...gcs, prefix: 'production', transition } })
  expect(found?.document).toEqual({ lifecycle: { rule: [rule({ matchesPrefix: ['production/'] })] } })
  expect(found?.command).toBe('gcloud storage buckets update gs://acme-backups --lifecycle-file=lifecycle.json')
  expect(of('google', { google: { ...gcs, transition } })?.document).toEqual({ lifecycle: { rule: [rule({})] } })
})

test('rules of Azure ask for the index tag below the container, and replace what the whole account has', () => {
  const rule = (tier: string, under: string) => ({
    enabled: true,
    name: 'lifeboatAzEuDump',
    type: 'Lifecycle',
    definition: {
      actions: { baseBlob: { [tier]: { daysAfterModificationGreaterThan: 30 } } },
      filters: {
        blobTypes: ['blockBlob'],
        prefixMatch: [under],
        blobIndexMatch: [{ name: 'lifeboat-kind', op: '==', value: 'dump' }],
      },
    },
  })
  const found = of('az-eu', { 'az-eu': { ...azure, transition: { class: 'Cold', days: { dump: 30 } } } })
  expect(found?.document).toEqual({ rules: [rule('tierToCold', 'lifeboat/')] })
  expect(found?.replaces).toContain('whole account acme')
  const prefixed = { ...azure, prefix: 'production', transition: { class: 'Cool', days: { dump: 30 } } }
  expect(of('az-eu', { 'az-eu': prefixed })?.document).toEqual({ rules: [rule('tierToCool', 'lifeboat/production/')] })
})

test('targets of one bucket share a document, those of other buckets, stores and clouds have their own', () => {
  const transition = { class: 'GLACIER_IR', days: { dump: 30 } }
  const elsewhere = {
    other: { ...s3, bucket: 'acme-other', transition },
    minio: { ...s3, endpoint: 'https://minio.example.org', transition },
    google: { ...gcs, transition: { class: 'COLDLINE', days: { dump: 30 } } },
  }
  const still = { still: { ...s3, prefix: 'still' } }
  const targets = {
    aws: { ...s3, prefix: 'production', transition },
    ...elsewhere,
    ...still,
    vault: { ...s3, prefix: 'vault', transition: { class: 'STANDARD_IA', days: { base: 40 } } },
  }
  const found = of('vault', targets)
  expect(found?.targets).toEqual(['aws', 'vault'])
  expect(found?.document).toMatchObject({ Rules: [{ ID: 'lifeboat-aws-dump' }, { ID: 'lifeboat-vault-base' }] })
  expect(of('aws', targets)).toEqual(found)
  const two = { one: { ...azure, transition: { class: 'Cool', days: { dump: 1 } } } }
  const accounts = { ...two, second: { ...two.one, container: 'second' }, third: { ...two.one, account: 'third' } }
  expect(of('one', accounts)?.targets).toEqual(['one', 'second'])
})

test('a target that moves nothing has no document', () => {
  const targets = { aws: s3, nas: { kind: 'filesystem', path: '/nas' } }
  for (const id of ['aws', 'nas', 'nowhere']) expect(of(id, targets)).toBeUndefined()
})
