import type { Finding } from '../problems.ts'
import type { Rule } from '../references.ts'
import { block, blocks } from './raw.ts'

/** Operators an agent obeys: no key under two names, and enough of them for the signatures it wants. */
export const operatorFindings: Rule = (raw) =>
  blocks(raw, 'agents').flatMap(([id, agent]): Finding[] => {
    const { operators, signatures } = block(agent.restore)
    const keys = Object.entries(block(operators))
    const path = ['agents', id, 'restore']
    const distinct = new Set(keys.map(([, key]) => key)).size
    const doubles = keys.flatMap(([name, key], i): Finding[] => {
      const first = keys.slice(0, i).find(([, other]) => other === key)
      if (!first) return []
      const message = `it is the key of ${first[0]} as well`
      const hint = 'Two names of one key are one operator: give each operator a key, and each key one name.'
      return [{ severity: 'error', path: [...path, 'operators', name], message, hint }]
    })
    if (typeof signatures !== 'number' || signatures <= distinct) return doubles
    const message = `it wants ${signatures} signatures and knows ${distinct} ${distinct === 1 ? 'operator' : 'operators'}`
    const hint = 'No command would ever be obeyed: add operators, or want fewer signatures.'
    return [...doubles, { severity: 'error', path: [...path, 'signatures'], message, hint }]
  })
