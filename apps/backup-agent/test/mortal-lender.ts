import { Secret } from '@lifeboat/shared/config/secret.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { wrap } from '@lifeboat/storage/layers/wrap.ts'
import { lendCopies } from '@lifeboat/storage/lent/lend-copies.ts'
import { relay } from '@lifeboat/storage/relay.ts'
import type { Target } from '@lifeboat/storage/target.ts'
import { TOKEN } from './agent-house.ts'

/** What an uploader does for restores. It dies in the middle of the first part of an artifact that fits, once, and is back when told. */
export interface MortalLender extends AsyncDisposable {
  url: string
  died: Promise<void>
  comeBack(): Promise<void>
}

export async function mortalLender(target: Target, artifact: RegExp): Promise<MortalLender> {
  const death = Promise.withResolvers<void>()
  let isDead = false
  const dying = wrap(target, {
    async get(key, opts) {
      const body = await target.get(key, opts)
      if (isDead || !artifact.test(key)) return body
      const each = () => {
        if (isDead) return
        isDead = true
        lending[Symbol.asyncDispose]().then(death.resolve, death.reject)
      }
      return relay(body, { each })
    },
  })
  const lend = (listen: string) =>
    lendCopies([{ target: dying }], { listen, tokens: [new Secret(TOKEN)], log: silentLogger })
  let lending = await lend('127.0.0.1:0')
  const { port } = lending
  return {
    url: `http://127.0.0.1:${port}`,
    died: death.promise,
    async comeBack() {
      lending = await lend(`127.0.0.1:${port}`)
    },
    [Symbol.asyncDispose]: () => lending[Symbol.asyncDispose](),
  }
}
