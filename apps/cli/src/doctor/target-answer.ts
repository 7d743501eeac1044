import type { Footing } from '@lifeboat/shared/domain/footing.ts'
import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import { FLEET_KEY } from '@lifeboat/shared/domain/keys.ts'
import type { ErrorCode } from '@lifeboat/shared/errors/catalogue.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { reportLine } from '../format/error-text.ts'
import { timeText } from '../format/moments.ts'
import { type Answer, ailing, broken, unasked, well } from './answer.ts'
import type { FromHere } from './ask-target.ts'

/** These say more about the machine the doctor is asked on than about the target: its keys, or the disk it is, are elsewhere. */
const NOT_FROM_HERE: readonly ErrorCode[] = ['CONFIG_SECRET_MISSING', 'TARGET_MISSING']

export interface Asked {
  here: FromHere
  /** What uploaders found when they tried to put. */
  uploader: Footing | undefined
  /** Whether it was ever seen with the marker of the fleet; undefined: nobody could be asked. */
  everMarked: boolean | undefined
}

/** What was found by who puts, and from here → an answer. Whoever puts knows best. */
export function targetAnswer(id: TargetId, { here: found, uploader, everMarked }: Asked): Answer {
  const check = `lifeboat target check ${id}`
  if (uploader?.error)
    return broken('target', id, `an uploader cannot put there: ${reportLine(uploader.error)}`, [
      uploader.error.hint,
      check,
    ])
  if (found.error === undefined) {
    if (uploader) return well('target', id, 'takes what uploaders put')
    return found.marked ? well('target', id, 'answers') : unmarkedAnswer(id, everMarked)
  }
  const here = found.error
  if (uploader === undefined)
    return here.code === 'CONFIG_SECRET_MISSING'
      ? unasked('target', id, `its secret is not on this machine, and no uploader has told of it: ${here.code}`)
      : broken('target', id, reportLine(here), [here.hint, check])
  if (NOT_FROM_HERE.includes(here.code))
    return well(
      'target',
      id,
      `took what uploaders put at ${timeText(uploader.at)}; cannot be asked from here: ${here.code}`,
    )
  return ailing('target', id, `uploaders can put there; from here: ${reportLine(here)}`, [here.hint, check])
}

/** It answers, and no uploader tells of it. An unmounted disk is an empty folder, and so is a target that is new. */
function unmarkedAnswer(id: TargetId, everMarked: boolean | undefined): Answer {
  if (everMarked === false) return well('target', id, 'answers; nothing was ever put there')
  const unmarked = new LifeboatError('TARGET_UNMARKED', { targetId: id, key: FLEET_KEY })
  const next = [unmarked.hint, `lifeboat target check ${id}`]
  if (everMarked) return broken('target', id, reportLine(unmarked), next)
  return ailing('target', id, `${reportLine(unmarked)}; whether it ever was nobody can be asked`, next)
}
