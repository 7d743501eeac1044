import { Secret } from '@lifeboat/shared/config/secret.ts'
import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import { startAzurite } from '@lifeboat/testkit/azurite.ts'
import { openAzure } from '../src/azure.ts'
import { describeTarget } from '../src/conformance/describe-target.ts'
import { AzureConfig } from '../src/target-config.ts'

describeTarget('azure', async () => {
  const server = await startAzurite()
  await server.createContainer('backups')
  const config = AzureConfig.parse({
    kind: 'azure',
    container: 'backups',
    account: server.account,
    endpoint: server.endpoint,
    accountKey: 'env:KEY',
    prefix: 'fleet',
  })
  return {
    target: await openAzure('azure' as TargetId, config, { resolveSecret: () => new Secret(server.accountKey) }),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
})
