import type { HeadObjectCommand } from '@aws-sdk/client-s3'
import { momentOf } from '../moment-of.ts'

/** The clock of the store, from the header `Date` of the answer, which the SDK does not hand out. */
export function answeredAt(command: HeadObjectCommand): () => string | undefined {
  let date: string | undefined
  command.middlewareStack.add(
    (next) => async (args) => {
      const answer = await next(args)
      date = (answer.response as { headers?: Record<string, string> }).headers?.date
      return answer
    },
    { step: 'deserialize', name: 'lifeboatAnsweredAt', priority: 'high' },
  )
  return () => momentOf(date)
}
