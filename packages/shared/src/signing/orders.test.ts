import { expect, test } from 'vitest'
import type { RestoreOrder } from '../domain/restore.ts'
import { cosignOrder, newOperatorKey, openOperatorKey, openOrder, signOrder } from './orders.ts'
import { newSigningKeyPair, openSigner } from './signing.ts'

const order = {
  ...{
    action: 'revert',
    restoreId: '20261128T020000Z-restore-k3f9qa',
    fleetId: 'f',
    agentId: 'db1',
    sourceId: 'records',
  },
  ...{ hooks: {}, drainMs: 0, why: 'wrong rows', issuedAt: '2026-11-28T02:00:00.000Z' },
  ...{ expiresAt: '2026-11-28T02:15:00.000Z', nonce: 'a'.repeat(22) },
} as RestoreOrder
const [ann, ben] = [newOperatorKey(undefined), newOperatorKey('pass')]
const operators = { ann: ann.publicKey, ben: ben.publicKey }
const annsKey = openOperatorKey('ann', ann.pem, undefined)
const bensKey = openOperatorKey('ben', ben.pem, 'pass')
const signed = await signOrder(order, annsKey)
const changed = Buffer.from(JSON.stringify({ ...order, sourceId: 'other' })).toString('base64url')

test('an order opens with the names of all who signed it', async () => {
  expect(await openOrder(signed, operators, 1)).toEqual({ order, who: ['ann'] })
  expect(await openOrder(await cosignOrder(signed, bensKey), operators, 2)).toEqual({ order, who: ['ann', 'ben'] })
})

test.each([
  ['unsigned', { ...signed, signatures: [] }, 1, 'RESTORE_UNSIGNED'],
  ['signed by a stranger', await signOrder(order, { ...annsKey, name: 'eve' }), 1, 'RESTORE_STRANGER'],
  ['changed after it was signed', { ...signed, payload: changed }, 1, 'RESTORE_ALTERED'],
  [
    'signed with another key under a known name',
    await signOrder(order, { ...bensKey, name: 'ann' }),
    1,
    'RESTORE_ALTERED',
  ],
  ['short of a second operator', signed, 2, 'RESTORE_SIGNATURES_MISSING'],
  [
    'signed twice by the same operator',
    { ...signed, signatures: [...signed.signatures, ...signed.signatures] },
    2,
    'RESTORE_SIGNATURES_MISSING',
  ],
  [
    'signed by one who may and one who may not',
    await cosignOrder(signed, { ...bensKey, name: 'eve' }),
    1,
    'RESTORE_STRANGER',
  ],
])('an order that is %s is refused', async (_, bad, required, code) => {
  await expect(openOrder(bad, operators, required)).rejects.toMatchObject({ code })
})

test('two names of one key are one operator', async () => {
  const twice = await cosignOrder(signed, { ...annsKey, name: 'also-ann' })
  await expect(openOrder(twice, { ...operators, 'also-ann': ann.publicKey }, 2)).rejects.toMatchObject({
    code: 'RESTORE_SIGNATURES_MISSING',
  })
})

test('an order no agent would take is not signed', async () => {
  await expect(signOrder({ ...order, drainMs: 7_200_000 }, annsKey)).rejects.toMatchObject({
    code: 'CLI_USAGE',
    facts: { problem: expect.stringMatching(/^drainMs: /) },
  })
})

test('what was signed as a manifest does not pass as an order, even by a key that is known', async () => {
  const pair = await newSigningKeyPair()
  const manifest = JSON.parse(await (await openSigner('ann', pair.privateKey)).sign('lifeboat-manifest', order))
  const { payload, ...signature } = manifest
  const passing = { payload, signatures: [signature] }
  await expect(openOrder(passing, { ann: pair.publicKey }, 1)).rejects.toMatchObject({ code: 'RESTORE_ALTERED' })
})

test('a key with a passphrase opens with that one and no other', () => {
  const passphrase = {
    code: 'CLI_USAGE',
    facts: expect.objectContaining({ problem: expect.stringContaining('LIFEBOAT_OPERATOR_PASSPHRASE') }),
  }
  expect(() => openOperatorKey('ben', ben.pem, 'other')).toThrow(expect.objectContaining(passphrase))
  expect(() => openOperatorKey('ben', ben.pem, undefined)).toThrow(expect.objectContaining(passphrase))
  expect(ben.pem).toContain('ENCRYPTED PRIVATE KEY')
})
