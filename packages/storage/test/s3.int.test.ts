import { startS3Server } from '@lifeboat/testkit/s3-server.ts'
import { describeTarget } from '../src/conformance/describe-target.ts'
import { openBare, openLayered } from './support/s3.ts'

// kind: 's3'
for (const [name, open] of Object.entries({ s3: openLayered, 's3 without layers': openBare }))
  for (const versioned of [true, false])
    describeTarget(versioned ? name : `${name} and without versions`, async () => {
      const server = await startS3Server({ versioned })
      return {
        target: await open(server, { prefix: 'fleet/one' }),
        lock: async (key) => server.lock(`fleet/one/${key}`),
        [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
      }
    })
