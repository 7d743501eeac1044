import { expect, test } from 'vitest'
import { parseTargetAddress } from './target-address.ts'

test.each([
  ['file:///srv/backups/', {}, { kind: 'filesystem', path: '/srv/backups' }],
  ['file:///srv/my%20disk', {}, { kind: 'filesystem', path: '/srv/my disk' }],
  [
    's3://vault/fleet/a',
    { AWS_REGION: 'eu-central-1' },
    { kind: 's3', bucket: 'vault', prefix: 'fleet/a', region: 'eu-central-1' },
  ],
  [
    's3://vault?endpoint=http://127.0.0.1:9000&path-style',
    {},
    { prefix: '', endpoint: 'http://127.0.0.1:9000', forcePathStyle: true },
  ],
  ['gs://vault/fleet', {}, { kind: 'gcs', bucket: 'vault', prefix: 'fleet' }],
  [
    'azure://acme/vault/fleet',
    { AZURE_STORAGE_KEY: 'x' },
    { account: 'acme', container: 'vault', prefix: 'fleet', accountKey: 'env:AZURE_STORAGE_KEY' },
  ],
])('%s is understood', (address, env, expected) => {
  expect(parseTargetAddress(address, env)).toMatchObject(expected)
})

test.each(['vault', 'ftp://host/x', 's3://', 'azure://acme', 's3://key:secret@vault/x'])(
  '%s is refused with the forms there are',
  (address) => {
    expect(() => parseTargetAddress(address, {})).toThrowError(
      expect.objectContaining({ code: 'TARGET_ADDRESS_UNREADABLE' }),
    )
  },
)

test('a secret in an address is not repeated by the error that refuses it', () => {
  expect(() => parseTargetAddress('s3://key:hunter2@vault/x', {})).not.toThrowError(/hunter2/)
})
