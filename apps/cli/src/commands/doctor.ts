import { MARKED_TARGETS_BUCKET } from '@lifeboat/catalog/audit/buckets.ts'
import { findConfigFile } from '@lifeboat/config/config-path.ts'
import { problemLine } from '@lifeboat/config/problems.ts'
import { checkConfigFile } from '@lifeboat/config/read-config.ts'
import type { Footing } from '@lifeboat/shared/domain/footing.ts'
import type { SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { TargetConfig } from '@lifeboat/storage/target-config.ts'
import type { Command, Context } from '../context.ts'
import { type Answer, ailing, broken, unasked, well } from '../doctor/answer.ts'
import { askTarget, type FromHere } from '../doctor/ask-target.ts'
import { doctorText } from '../doctor/doctor-text.ts'
import { answersOf } from '../doctor/fleet-answers.ts'
import { targetAnswer } from '../doctor/target-answer.ts'
import { readSettings, withFleet } from '../open-fleet.ts'
import { FLEET_SECTIONS, readFleet } from '../status/read-fleet.ts'

const NO_BUS = 'the bus does not answer'

/** Looks at everything a fleet stands on, from its configuration up, and says what is wrong and what to do next. Changes nothing. */
export const doctor: Command<object> = async (_args, context) => {
  const configuration = await askConfiguration(context)
  const answers = configuration.condition === 'broken' ? [configuration] : [configuration, ...(await askAll(context))]
  const all = answers.every(({ condition }) => condition === 'well')
  return { value: { answers }, text: (style) => doctorText(answers, style), exit: all ? 'ok' : 'attention' }
}

async function askConfiguration({ terminal, options }: Context): Promise<Answer> {
  const path = findConfigFile({ given: options.config, env: terminal.env, cwd: terminal.cwd })
  const { problems } = await checkConfigFile(path)
  const errors = problems.filter(({ severity }) => severity === 'error')
  const lines = [...new Set([...errors, ...problems])].map(problemLine)
  if (errors.length > 0)
    return broken('configuration', path, lines, 'mend these lines; `lifeboat config check` lists them again')
  if (problems.length > 0) return ailing('configuration', path, lines, 'look whether these lines are meant so')
  return well('configuration', path)
}

async function askAll(context: Context): Promise<Answer[]> {
  const [{ bus, recorded, footings, marked }, fromHere] = await Promise.all([askBus(context), askTargets(context)])
  const targets = fromHere.map(([id, here]) => {
    const uploader = footings.find(({ part, name }) => part === 'target' && name === id)
    return targetAnswer(id, { here, uploader, everMarked: marked?.has(id) })
  })
  const services = recorded.filter(({ part }) => part === 'service')
  return [bus, ...services, ...targets, ...recorded.filter(({ part }) => part !== 'service')]
}

interface Recorded {
  bus: Answer
  /** All that is recorded there. */
  recorded: Answer[]
  /** As the services told. */
  footings: Footing[]
  /** Targets that were ever seen with the marker of the fleet. */
  marked: ReadonlySet<TargetId> | undefined
}

async function askBus(context: Context): Promise<Recorded> {
  try {
    return await withFleet(context, FLEET_SECTIONS, async ({ bus, config }) => {
      const fleet = await readFleet(bus, config, context.clock.now())
      const answer = well('bus', 'NATS', `answers in ${(await bus.ping()).toFixed(1)} ms`)
      const footings = fleet.services.flatMap((service) => service.footings)
      const targets = await Array.fromAsync((await bus.bucket(MARKED_TARGETS_BUCKET)).entries(), ({ value }) => value)
      const marked = new Set(targets.map(({ targetId }) => targetId))
      return { bus: answer, recorded: answersOf(fleet), footings, marked }
    })
  } catch (thrown) {
    context.terminal.signal.throwIfAborted()
    const { code, title, hint } = LifeboatError.from(thrown)
    const { config } = await readSettings(context, ['sources', 'targets'])
    const [anyTarget] = Object.keys(config.targets)
    const answer = broken('bus', 'NATS', `${code}: ${title}`, [
      hint,
      `what was backed up needs no bus to come back: lifeboat recover --from ${anyTarget}`,
    ])
    const sources = Object.keys(config.sources) as SourceId[]
    return {
      bus: answer,
      recorded: sources.map((sourceId) => unasked('source', sourceId, NO_BUS)),
      footings: [],
      marked: undefined,
    }
  }
}

async function askTargets(context: Context): Promise<[TargetId, FromHere][]> {
  const { config, secret, log } = await readSettings(context, ['targets'])
  const ctx = { resolveSecret: async (ref: Parameters<typeof secret>[0]) => secret(ref), log }
  const { signal } = context.terminal
  const targets = Object.entries(config.targets) as [TargetId, TargetConfig][]
  return Promise.all(
    targets.map(
      async ([id, target]): Promise<[TargetId, FromHere]> => [id, await askTarget(id, target, { ctx, signal })],
    ),
  )
}
