import { findConfigFile } from '@lifeboat/config/config-path.ts'
import { problemLine } from '@lifeboat/config/problems.ts'
import { checkConfigFile } from '@lifeboat/config/read-config.ts'
import type { SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Command, Context } from '../context.ts'
import { type Answer, ailing, broken, unasked, well } from '../doctor/answer.ts'
import { askTarget } from '../doctor/ask-target.ts'
import { doctorText } from '../doctor/doctor-text.ts'
import { answersOf } from '../doctor/fleet-answers.ts'
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
  const [[bus, ...recorded], targets] = await Promise.all([askBus(context), askTargets(context)])
  const below = recorded.filter(({ part }) => part === 'service')
  return [bus, ...below, ...targets, ...recorded.filter(({ part }) => part !== 'service')]
}

/** The bus first, then all that is recorded there. */
async function askBus(context: Context): Promise<[Answer, ...Answer[]]> {
  try {
    return await withFleet(context, FLEET_SECTIONS, async ({ bus, config }) => {
      const fleet = await readFleet(bus, config, context.clock.now())
      return [well('bus', 'NATS', `answers in ${(await bus.ping()).toFixed(1)} ms`), ...answersOf(fleet)]
    })
  } catch (thrown) {
    context.terminal.signal.throwIfAborted()
    const { code, title, hint } = LifeboatError.from(thrown)
    const { config } = await readSettings(context, ['sources', 'targets'])
    const [anyTarget] = Object.keys(config.targets)
    return [
      broken('bus', 'NATS', `${code}: ${title}`, [
        hint,
        `what was backed up needs no bus to come back: lifeboat recover --from ${anyTarget}`,
      ]),
      ...(Object.keys(config.sources) as SourceId[]).map((sourceId) => unasked('source', sourceId, NO_BUS)),
    ]
  }
}

async function askTargets(context: Context): Promise<Answer[]> {
  const { config, secret, log } = await readSettings(context, ['targets'])
  const ctx = { resolveSecret: async (ref: Parameters<typeof secret>[0]) => secret(ref), log }
  const { signal } = context.terminal
  return Promise.all(
    Object.entries(config.targets).map(([id, target]) => askTarget(id as TargetId, target, { ctx, signal })),
  )
}
